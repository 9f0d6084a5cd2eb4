// A scan as it is shown: words for what the hub says. Whatever is not granted is denied.

import { reasonWords, w } from "../words/live.ts";
import { keyOf, type ScanEvent } from "./resume.ts";

export interface Item {
  key: string;
  /** Of the scan; empty for a note. */
  id: string;
  kind: "granted" | "denied" | "note";
  /** Granted or denied, as a word; empty for a note. */
  word: string;
  name: string;
  /** Why, and what else is to be known; empty for a plain grant. */
  why: string;
  reason: string | null;
  door: string;
  doorId: string;
  at: Date;
  /** Decided while its reader was offline: not what happens now. */
  late: boolean;
  scan: ScanEvent | null;
}

export function itemOf(scan: ScanEvent): Item {
  const granted = scan.decision === "granted";
  const number = scan.pass?.passNumber;
  const marks = [scan.annulled && w.annulled, scan.offline && w.offline, scan.stale && w.answeredStale];
  return {
    key: keyOf(scan),
    id: scan.id,
    kind: granted ? "granted" : "denied",
    word: granted ? w.granted : w.denied,
    name: scan.student?.name || (number ? w.pass(number) : w.unknown),
    why: [granted ? "" : reasonWords(scan.reason), ...marks].filter(Boolean).join(" · "),
    reason: granted ? null : scan.reason,
    door: [scan.accessPoint?.name ?? w.unknownDoor, scan.direction && (w.directions[scan.direction] ?? scan.direction)].filter(Boolean).join(" · "),
    doorId: scan.accessPoint?.id ?? "",
    at: new Date(scan.at),
    late: scan.offline,
    scan,
  };
}

let notes = 0;

/** A line between the scans before and after something that happened to this page. */
export function noteOf(title: string, text: string): Item {
  return { key: `note ${++notes}`, id: "", kind: "note", word: "", name: title, why: text, reason: null, door: "", doorId: "", at: new Date(), late: false, scan: null };
}

/** What was missed cannot be told any more; what follows is whole again. */
export function resetNote(reason: string): Item {
  return noteOf(w.afresh, w.afreshMore(w.resets[reason] ?? w.resetUnknown));
}

export const capital = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);
