// What went wrong with a request, in words for whoever made it.

import { w } from "../words/shell.ts";

/** One thing that is wrong with what was sent. */
export interface Fault {
  field: string;
  message: string;
}

interface Refusal {
  error?: string;
  message?: string;
  details?: unknown;
  requestId?: string;
}

/** The hub's refusal, or that it could not be asked (`status` 0). `message` may be shown; `faults` belong to fields. */
export class ApiFault extends Error {
  status: number;
  code: string;
  faults: Fault[];
  requestId: string | null;
  /** In how many seconds to ask again, where the hub says. */
  retryAfter: number | null;

  constructor(status: number, refusal: Refusal = {}, retryAfter: number | null = null) {
    super(said(status, refusal.message));
    this.status = status;
    this.retryAfter = retryAfter;
    this.code = refusal.error ?? "";
    this.requestId = refusal.requestId ?? null;
    this.faults = Array.isArray(refusal.details) ? refusal.details.filter(isFault) : [];
  }
}

function isFault(value: unknown): value is Fault {
  return typeof value === "object" && value !== null && "field" in value && "message" in value;
}

function said(status: number, message: string | undefined): string {
  if (status === 0) return w.unreachable;
  if (status === 403) return w.notAllowed;
  if (status === 412) return w.changedMeanwhile;
  if (status === 429 || status === 503) return w.busy;
  if (status >= 500) return w.wrong;
  return message ? `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? "" : "."}` : w.wrong;
}

/** Any error in words. */
export function words(error: unknown): string {
  return error instanceof ApiFault ? error.message : w.wrong;
}
