// An import, from the file to the last mended row: checked first, then written, then what was refused mended and sent.

import { ApiFault, type Fault } from "../api/errors.ts";
import { fetchFile, upload } from "../api/files.ts";
import { here } from "./here.ts";
import { Watch, type Job } from "./jobs.svelte.ts";
import { readSheet, writeSheet, type Refused, type Sheet } from "./mending.ts";

/** Rows that are mended by hand. */
export const MOST_MENDED = 100;
const FIRST_LINE = 2; // behind the names
/** What a file cannot do without; other names in a refusal are columns of the file. */
const NEEDED = new Set(["studentId", "firstName", "lastName"]);
const OF_THE_FORM = new Set(["file", "mapping", "issueDate", "expiryDate", "passType", "schoolId", "encoding"]);

export type Stage = "choose" | "columns" | "checking" | "checked" | "writing" | "mending" | "done";

export class Import {
  stage = $state<Stage>("choose");
  file = $state.raw<File | null>(null);
  issuePasses = $state(false);
  expiryDate = $state("");
  /** Of the chosen file, when the hub could not tell; "" leaves it to the hub. */
  encoding = $state("");
  /** Columns that the hub does not know: the field that each is, null to leave it out. */
  mapping = $state<Record<string, string | null>>({});
  missing = $state.raw<string[]>([]);
  /** What has come of it, over all files that were sent. */
  counts = $state.raw<Record<string, number>>({});
  sheet = $state.raw<Sheet>({ header: [], rows: [] });
  /** By line: the row as it is mended. */
  mended = $state<Record<number, string[]>>({});
  /** Where the hub has the refused rows of the last job. */
  refused = $state<string | null>(null);
  watch = new Watch();

  choose(file: File): void {
    Object.assign(this, { file, stage: "choose", encoding: "", mapping: {}, missing: [], counts: {}, refused: null, mended: {} });
    this.sheet = { header: [], rows: [] };
  }

  /** Rows that differ from what was refused. */
  get changed(): Refused[] {
    return this.sheet.rows.filter((row) => this.mended[row.line] !== undefined && String(this.mended[row.line]) !== String(row.cells));
  }

  /** Says what would be done, and writes nothing. Raises ApiFault; unknown columns lead to the stage "columns". */
  async check(): Promise<void> {
    const job = this.file && (await this.#send(this.file, this.file.name, { ...this.#written, dryRun: true }));
    if (!job) return;
    this.#count(await this.#look(job, "checking"));
    await this.#readRefused();
    this.stage = "checked";
  }

  /** Writes the good rows, and behind them those that were mended. Raises ApiFault. */
  async write(): Promise<void> {
    const job = this.file && (await this.#send(this.file, this.file.name, { ...this.#written, onFault: this.counts.refused ? "keep_good" : "refuse_all" }));
    if (!job) return;
    this.counts = {};
    this.#count(await this.#look(job, "writing"));
    if (this.changed.length && this.watch.job?.status === "finished") await this.sendMended();
    else await this.#readRefused();
    this.stage = "done";
  }

  /** What is refused again stays, with what else was not mended. Raises ApiFault. */
  async sendMended(): Promise<void> {
    const sent = this.changed.map((row) => ({ ...row, cells: this.mended[row.line] ?? row.cells }));
    const rest = this.sheet.rows.filter((row) => !this.changed.includes(row));
    const file = new Blob([writeSheet({ header: this.sheet.header, rows: sent })], { type: "text/csv" });
    const job = await this.#send(file, "mended.csv", { onFault: "keep_good" });
    if (job === null) return;
    const { rows = 0, refused = 0 } = this.counts;
    this.counts = { ...this.counts, rows: rows - sent.length, refused: refused - sent.length };
    this.#count(await this.#look(job, "mending"));
    await this.#readRefused();
    const again = this.sheet.rows.map((row) => ({ ...row, line: sent[row.line - FIRST_LINE]?.line ?? row.line }));
    this.sheet = { header: this.sheet.header, rows: [...again, ...rest].sort((a, b) => a.line - b.line) };
    this.stage = "done";
  }

  get #written(): { encoding?: string } {
    return this.encoding ? { encoding: this.encoding } : {};
  }

  /** null: the columns have to be explained first. */
  async #send(file: Blob, name: string, query: object): Promise<Job | null> {
    const passes = this.issuePasses ? { issuePasses: true, expiryDate: this.expiryDate } : {};
    const mapping = Object.keys(this.mapping).length ? { mapping: JSON.stringify(this.mapping) } : {};
    try {
      return await upload<Job>("/students/import", file, name, { ...here(), ...passes, ...mapping, ...query });
    } catch (error) {
      if (error instanceof ApiFault && this.#askForColumns(error.faults)) return null;
      throw error;
    }
  }

  /** Whether columns are all that is wrong. */
  #askForColumns(faults: Fault[]): boolean {
    const columns = faults.filter((one) => !NEEDED.has(one.field) && !OF_THE_FORM.has(one.field));
    this.missing = faults.filter((one) => NEEDED.has(one.field)).map((one) => one.field);
    if (!columns.length) return false;
    this.mapping = { ...this.mapping, ...Object.fromEntries(columns.map((one) => [one.field, null])) };
    this.stage = "columns";
    return true;
  }

  async #look(job: Job, meanwhile: Stage): Promise<Job> {
    this.stage = meanwhile;
    return await this.watch.follow(job);
  }

  #count(job: Job): void {
    const sum = { ...this.counts };
    for (const [name, value] of Object.entries(job.result ?? {})) if (typeof value === "number") sum[name] = (sum[name] ?? 0) + value;
    this.counts = sum;
  }

  /** What the last job refused, to be mended. */
  async #readRefused(): Promise<void> {
    const { result, errors = [] } = this.watch.job ?? {};
    const address = (result as Record<string, unknown> | null)?.refusedRows;
    const header = this.sheet.header;
    this.mended = {};
    this.sheet = { header, rows: [] };
    if (typeof address !== "string") return;
    this.refused = address;
    const sheet = readSheet(await (await fetchFile(address)).text(), errors, this.mapping);
    this.sheet = { header: sheet.header, rows: sheet.rows.slice(0, MOST_MENDED) };
  }
}
