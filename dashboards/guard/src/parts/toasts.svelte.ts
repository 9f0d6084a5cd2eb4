// Short words about what was done. Each goes by itself, but one about a fault stays until it is closed.

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "fault";
}

const SHOWN_MS = 5_000;
let made = 0;

class Toasts {
  list = $state.raw<Toast[]>([]);

  done(text: string): void {
    const id = this.#add(text, "done");
    setTimeout(() => this.close(id), SHOWN_MS);
  }

  fault(text: string): void {
    this.#add(text, "fault");
  }

  close(id: number): void {
    this.list = this.list.filter((one) => one.id !== id);
  }

  #add(text: string, kind: Toast["kind"]): number {
    const id = ++made;
    this.list = [...this.list.slice(-3), { id, text, kind }];
    return id;
  }
}

export const toasts = new Toasts();
