// What this device has been set to; kept in the browser.

export type Theme = "system" | "light" | "dark";

const KEPT = "passhub.preferences";

interface Kept {
  theme: Theme;
  sound: boolean;
}

function read(): Kept {
  const plain: Kept = { theme: "system", sound: false };
  try {
    return { ...plain, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Kept>) };
  } catch {
    return plain;
  }
}

class Preferences {
  #kept = $state(read());

  get theme(): Theme {
    return this.#kept.theme;
  }

  set theme(theme: Theme) {
    this.#keep({ theme });
    this.dress();
  }

  get sound(): boolean {
    return this.#kept.sound;
  }

  set sound(sound: boolean) {
    this.#keep({ sound });
  }

  /** Gives the page its theme. */
  dress(): void {
    if (this.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }

  #keep(change: Partial<Kept>): void {
    Object.assign(this.#kept, change);
    localStorage.setItem(KEPT, JSON.stringify(this.#kept));
  }
}

export const preferences = new Preferences();
