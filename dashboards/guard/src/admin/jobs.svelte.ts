// A job, looked at until it is over or waits for somebody.

import { api, type Schemas } from "../api/client.ts";
import { ApiFault } from "../api/errors.ts";

export type Job = Schemas["Job"];
const FIRST_MS = 300;
const LONGEST_MS = 2_000;
const GOES_ON = new Set<Job["status"]>(["queued", "running"]);
/** Who is answered so is not answered otherwise by asking again. */
const ENDED = new Set([401, 403, 404]);

export class Watch {
  job = $state.raw<Job | null>(null);
  error = $state.raw<unknown>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over: ((job: Job) => void) | undefined;
  /** Another one: what is still on its way is of a job that nobody watches any more. */
  #turn = 0;

  get going(): boolean {
    return this.job !== null && GOES_ON.has(this.job.status);
  }

  /** Resolves when it is over, or waits to be confirmed. */
  follow(job: Job): Promise<Job> {
    this.stop();
    this.job = job;
    this.error = null;
    return new Promise((over) => {
      this.#over = over;
      this.#next(FIRST_MS);
    });
  }

  stop(): void {
    this.#turn++;
    clearTimeout(this.#timer);
  }

  #next(wait: number): void {
    if (this.job !== null && !this.going) {
      this.#over?.(this.job);
      return;
    }
    this.#timer = setTimeout(() => void this.#look(wait), wait);
  }

  async #look(wait: number): Promise<void> {
    const turn = this.#turn;
    if (this.job === null) return;
    try {
      const job = await api.get("/jobs/{id}", { path: { id: this.job.id } });
      if (turn !== this.#turn) return;
      this.job = job;
      this.error = null;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.error = error; // it is asked again: the job goes on without this page
      if (error instanceof ApiFault && ENDED.has(error.status)) return;
    }
    this.#next(Math.min(LONGEST_MS, wait * 1.5));
  }
}
