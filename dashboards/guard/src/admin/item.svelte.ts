// One thing that a page is about, with the version that was shown.

export class Item<T> {
  value = $state.raw<T | null>(null);
  etag = $state.raw<string | undefined>(undefined);
  error = $state.raw<unknown>(null);
  #read: () => Promise<{ body: T; etag: string | null }>;

  constructor(read: () => Promise<{ body: T; etag: string | null }>) {
    this.#read = read;
  }

  load = async (): Promise<void> => {
    try {
      const { body, etag } = await this.#read();
      this.value = body;
      this.etag = etag ?? undefined;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  };
}
