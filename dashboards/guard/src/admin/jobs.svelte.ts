// A job, looked at until it is over or waits for somebody.

import { api, type Schemas } from "../api/client.ts";

export type Job = Schemas["Job"];
const FIRST_MS = 300;
const LONGEST_MS = 2_000;
const GOES_ON = new Set<Job["status"]>(["queued", "running"]);

export class Watch {
  job = $state.raw<Job | null>(null);
  error = $state.raw<unknown>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over: ((job: Job) => void) | undefined;

  get going(): boolean {
    return this.job !== null && GOES_ON.has(this.job.status);
  }

  /** Resolves when it is over, or waits to be confirmed. */
  follow(job: Job): Promise<Job> {
    this.stop();
    this.job = job;
    return new Promise((over) => {
      this.#over = over;
      this.#next(FIRST_MS);
    });
  }

  stop(): void {
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
    try {
      if (this.job !== null) this.job = await api.get("/jobs/{id}", { path: { id: this.job.id } });
      this.error = null;
    } catch (error) {
      this.error = error; // it is asked again: the job goes on without this page
    }
    this.#next(Math.min(LONGEST_MS, wait * 1.5));
  }
}
