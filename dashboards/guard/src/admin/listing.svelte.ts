// A list that is read page by page, and what it is asked for: filters stand in the address, so that a step back finds
// them again.

import { router } from "../router.svelte.ts";

const TYPING_MS = 250;

interface Part<Row> {
  data: Row[];
  page: { hasMore: boolean; nextCursor?: string; total?: number };
}

type Given<Q> = { [K in keyof Q]?: Exclude<Q[K], ""> };

/** `values` may be bound to fields; what is "" is not asked. */
export class Asked<Q extends Record<string, string>> {
  values = $state() as Q;
  #plain: Q;

  constructor(plain: Q) {
    this.#plain = plain;
    const found = Object.keys(plain).map((name) => [name, router.query.get(name) ?? plain[name]]);
    this.values = Object.fromEntries(found) as Q;
  }

  get query(): Given<Q> {
    return Object.fromEntries(Object.entries(this.values).filter(([, value]) => value !== "")) as Given<Q>;
  }

  /** Whether anything narrows the list; the order does not. */
  get narrowed(): boolean {
    return Object.entries(this.values).some(([name, value]) => name !== "sort" && value !== this.#plain[name]);
  }

  clear(): void {
    this.values = { ...this.#plain };
  }

  note(): void {
    const differing = Object.entries(this.values).filter(([name, value]) => value !== this.#plain[name]);
    const text = new URLSearchParams(differing).toString();
    router.go(router.path + (text ? `?${text}` : ""), true);
  }
}

export class Listing<Row> {
  rows = $state.raw<Row[]>([]);
  loading = $state(true);
  error = $state.raw<unknown>(null);
  total = $state<number | null>(null);
  #cursor = $state<string | null>(null);
  #read: (cursor?: string) => Promise<Part<Row>>;
  #turn = 0;

  constructor(read: (cursor?: string) => Promise<Part<Row>>) {
    this.#read = read;
  }

  /** Reads anew; what an older question answers is passed over. */
  load = async (): Promise<void> => {
    await this.#take(undefined);
  };

  /** The next page, while there is one. */
  get more(): (() => void) | undefined {
    const cursor = this.#cursor;
    return cursor === null ? undefined : () => void this.#take(cursor);
  }

  /** Reads when `asked` has changed, a moment after the last letter. Call it while a component is made. */
  follow<Q extends Record<string, string>>(asked: Asked<Q>): void {
    let first = true;
    $effect(() => {
      void JSON.stringify(asked.values);
      const timer = setTimeout(
        () => {
          asked.note();
          void this.load();
        },
        first ? 0 : TYPING_MS,
      );
      first = false;
      return () => clearTimeout(timer);
    });
  }

  async #take(cursor: string | undefined): Promise<void> {
    const turn = ++this.#turn;
    this.loading = true;
    try {
      const part = await this.#read(cursor);
      if (turn !== this.#turn) return;
      this.rows = cursor === undefined ? part.data : [...this.rows, ...part.data];
      this.#cursor = part.page.nextCursor ?? null;
      this.total = part.page.total ?? this.total;
      this.error = null;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.error = error;
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }
}
