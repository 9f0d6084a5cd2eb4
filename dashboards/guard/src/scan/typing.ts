// What is typed into the page, and what is read twice. Pure: times are given, in milliseconds.

const QUICK_MS = 60; // between two keys, on average: nobody types a code so fast
const LEAST = 4; // characters
export const SAME_MS = 2_000; // a code that is held up is read many times; it is one scan

/** Tells a scanner from fingers, by how fast the keys come. */
export class Typing {
  #first = 0;
  #count = 0;

  /** A key that writes something, into a field that was `empty` before. */
  key(at: number, empty: boolean): void {
    if (empty) {
      this.#first = at;
      this.#count = 0;
    }
    this.#count++;
  }

  /** Whether what was typed until now came from a scanner: then a Tab ends it as Enter does. */
  quick(at: number): boolean {
    return this.#count >= LEAST && at - this.#first <= QUICK_MS * this.#count;
  }

  /** The same, and what comes now is another text. */
  end(at: number): boolean {
    const quick = this.quick(at);
    this.#count = 0;
    return quick;
  }
}

/** Swallows a code that is still being held up, also where two are in one picture. */
export class Once {
  #seen = new Map<string, number>();

  /** Whether this is a new scan. */
  fresh(code: string, at: number): boolean {
    for (const [other, last] of this.#seen) if (at - last >= SAME_MS) this.#seen.delete(other);
    const fresh = !this.#seen.has(code);
    this.#seen.set(code, at);
    return fresh;
  }
}
