// Recognises what a USB scanner does to a code when its keyboard layout is not the computer's: it sends the positions of
// keys on a US keyboard, and a German computer turns `SP1:` into `SP1Ö`. As hub/domain/scanners.py, case by case: both are
// held against docs/vectors/keyboards.json.

import { BASE45, isWellFormed, MAX_LENGTH, PREFIX } from "./code.ts";
import { LAYOUTS, typedKey, US, type Layout, type Lock } from "./keyboards.ts";

const MAX_READINGS = 256; // of one text under one layout; more is not worth the time of whoever stands at the door
const MARKS: Record<string, string> = { "`": "\u0300", "´": "\u0301", "^": "\u0302", "~": "\u0303", "¨": "\u0308", "ˇ": "\u030c" };

/** What was recognised. */
export interface LayoutFault {
  /** Names, likeliest first; empty when only Caps Lock is the matter. */
  layouts: string[];
  capsLock: boolean;
  /** The code as it was printed, where only one is possible. */
  repaired: string | null;
}

/** The fault that explains a text which is no well-formed code; null when there is none, or none is needed. */
export function recogniseLayout(given: string): LayoutFault | null {
  const text = given.trim().normalize("NFC");
  if (text.length < PREFIX.length || text.length > 2 * MAX_LENGTH || isWellFormed(text)) return null;
  let fits: { layout: Layout; lock: Lock; codes: string[] }[] = [];
  const whole = new Set<string>();
  for (const { layout, lock, symbols } of cases()) {
    const readings = readingsOf(symbols, text);
    if (readings === null || (readings.length === 1 && readings[0] === text)) continue;
    const codes = readings.filter(isWellFormed);
    fits.push({ layout, lock, codes });
    for (const code of codes) whole.add(code);
  }
  if (fits.length === 0) return null;
  if (whole.size === 1) fits = fits.filter((fit) => fit.codes.length > 0);
  // Caps Lock beside a layout is the less likely story when the layout alone tells the same one.
  const unlocked = fits.filter((fit) => fit.lock === "off");
  if (unlocked.length > 0) fits = unlocked;
  const names = fits.some((fit) => fit.layout === US) ? [] : [...new Set(fits.map((fit) => fit.layout.name))];
  return { layouts: names, capsLock: unlocked.length === 0, repaired: whole.size === 1 ? ([...whole][0] ?? null) : null };
}

/** What each character under a layout can have been. */
type Symbols = Map<string, string[]>;

let made: { layout: Layout; lock: Lock; symbols: Symbols }[] | null = null;

/** Made when somebody first needs them. */
function cases(): NonNullable<typeof made> {
  made ??= LAYOUTS.flatMap((layout) => layout.locks.map((lock) => ({ layout, lock, symbols: inverse(layout, lock) })));
  return made;
}

function inverse(layout: Layout, lock: Lock): Symbols {
  const found: Symbols = new Map();
  const add = (char: string, symbol: string): void => void found.set(char, [...(found.get(char) ?? []), symbol]);
  const typed = Array.from(BASE45, (symbol) => [symbol, typedKey(layout, symbol, lock)] as const);
  const letters = typed.filter(([, char]) => !layout.dead.includes(char));
  for (const [symbol, char] of letters) add(char, symbol);
  for (const [accent, mark] of typed) {
    if (!layout.dead.includes(mark)) continue;
    add(mark, accent); // before a character that takes no accent
    add(mark, `${accent} `);
    for (const [symbol, char] of letters) {
      const composed = (char + (MARKS[mark] ?? "")).normalize("NFC");
      if (composed.length === 1) add(composed, accent + symbol);
    }
  }
  if (lock === "letters") tolerateUnturned(layout, found, add);
  return found;
}

/** Windows lets Caps Lock alone on some keys with letters of their own (an Italian `ç`), Linux does not. */
function tolerateUnturned(layout: Layout, found: Symbols, add: (char: string, symbol: string) => void): void {
  for (const symbol of BASE45) {
    const char = typedKey(layout, symbol, "off");
    if (char > "\x7f" && !found.has(char)) add(char, symbol);
  }
}

/** Every text that the scanner can have sent; empty when there are too many, null when the layout never gives such one. */
function readingsOf(symbols: Symbols, text: string): string[] | null {
  const options: string[][] = [];
  for (const char of text) {
    const known = symbols.get(char);
    if (known === undefined) return null;
    options.push(known);
  }
  if (!joined(options.slice(0, PREFIX.length)).some((start) => start.startsWith(PREFIX))) return null;
  if (options.reduce((product, option) => product * option.length, 1) > MAX_READINGS) return [];
  return [...new Set(joined(options))];
}

const joined = (options: string[][]): string[] => options.reduce<string[]>((starts, option) => starts.flatMap((start) => option.map((next) => start + next)), [""]);
