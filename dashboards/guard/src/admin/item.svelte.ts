// One thing that a page or a form is about, with the version that was shown.

import { words } from "../api/errors.ts";
import { toasts } from "../parts/toasts.svelte.ts";

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

/** What a form is opened for, as it is now; null, and said, when it cannot be had. */
export async function opened<T>(read: () => Promise<{ body: T; etag: string | null }>): Promise<{ row: T; etag: string | undefined } | null> {
  try {
    const { body, etag } = await read();
    return { row: body, etag: etag ?? undefined };
  } catch (error) {
    toasts.fault(words(error));
    return null;
  }
}
