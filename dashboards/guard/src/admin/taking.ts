// Why a file was not taken, in words.

import { ApiFault, words } from "../api/errors.ts";
import { w } from "../words/documents.ts";

/** A hub without a store or a scanner says the same as one that is busy, and goes on to. */
export const whyNotTaken = (error: unknown): string => (error instanceof ApiFault && error.status === 503 ? w.noFiles : words(error));
