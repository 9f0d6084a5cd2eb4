// What this device was set to for scanning; kept in the browser.

import type { Direction } from "./protocol.ts";

const KEPT = "passhub.scan";

interface Kept {
  door: string | null;
  direction: Direction | null;
  camera: boolean;
}

function read(): Kept {
  const plain: Kept = { door: null, direction: null, camera: false };
  try {
    return { ...plain, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Kept>) };
  } catch {
    return plain;
  }
}

class Settings {
  #kept = $state(read());

  get door(): string | null {
    return this.#kept.door;
  }

  get direction(): Direction | null {
    return this.#kept.direction;
  }

  get camera(): boolean {
    return this.#kept.camera;
  }

  keep(change: Partial<Kept>): void {
    Object.assign(this.#kept, change);
    localStorage.setItem(KEPT, JSON.stringify(this.#kept));
  }
}

export const kept = new Settings();
