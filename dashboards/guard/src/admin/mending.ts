// The rows that an import refused, as the hub gives them back: mended here, and sent again as a file of their own.

/** `line`: in the file that was sent. `cells`: by column; `faulty`: places of those that have to be mended. */
export interface Refused {
  line: number;
  faults: string;
  cells: string[];
  faulty: number[];
}

export interface Sheet {
  header: string[];
  rows: Refused[];
}

interface JobFault {
  line?: number;
  field?: string;
}

const OWN_COLUMNS = 2; // importLine and importFaults
const same = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, "");

/** Rows of a CSV whose delimiter is what follows the first name. */
export function readSheet(text: string, errors: JobFault[], mapping: Record<string, string | null>): Sheet {
  const plain = text.replace(/^\ufeff/, "");
  const [names = [], ...lines] = parse(plain, /^importLine(.)/.exec(plain)?.[1] ?? ",");
  const header = names.slice(OWN_COLUMNS);
  const fields = header.map((name) => same(mapping[name] ?? name));
  const rows = lines.map(([line = "", faults = "", ...cells]) => {
    const wrong = errors.filter((one) => one.line === Number(line)).map((one) => fields.indexOf(same(one.field ?? "")));
    const faulty = wrong.length && wrong.every((place) => place >= 0) ? [...new Set(wrong)].sort((a, b) => a - b) : [...header.keys()];
    return { line: Number(line), faults, cells: header.map((_, place) => unguarded(cells[place] ?? "")), faulty };
  });
  return { header, rows };
}

/** What a spreadsheet would have taken for a formula has an apostrophe before it. */
const unguarded = (cell: string): string => (/^'[=+\-@]/.test(cell) ? cell.slice(1) : cell);

/** A cell for a spreadsheet, which takes no text for a formula. */
export const forSpreadsheet = (cell: string): string => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell);

export function writeSheet({ header, rows }: { header: string[]; rows: { cells: string[] }[] }): string {
  const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return `\ufeff${[header, ...rows.map((row) => row.cells)].map((cells) => cells.map(quoted).join(",")).join("\r\n")}\r\n`;
}

function parse(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const end = (): void => {
    row.push(cell);
    cell = "";
  };
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') cell += text[++at];
      else quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === delimiter) end();
    else if (letter === "\n") {
      end();
      rows.push(row);
      row = [];
    } else if (letter !== "\r") cell += letter;
  }
  if (cell !== "" || row.length) {
    end();
    rows.push(row);
  }
  return rows;
}
