// Access points: the form, and what their readers are told.

import type { Schemas } from "../api/client.ts";
import { w } from "../words/points.ts";
import type { FieldOf } from "./fields.ts";

export type Door = Schemas["AccessPoint"];

export const doorFields: FieldOf<Schemas["ChangedAccessPoint"]>[] = [
  { name: "name", label: w.name, required: true },
  { name: "accessType", label: w.way, kind: "choice", choices: Object.entries(w.ways), required: true },
  { name: "location", label: w.place },
  { name: "deviceId", label: w.device, hint: w.deviceHint },
  { name: "failOpen", label: w.failOpen, kind: "yesno", hint: w.failOpenHint, unset: w.asSchool, choices: [["true", w.open], ["false", w.shut]] },
  { name: "maxStalenessSeconds", label: w.staleness, kind: "number" },
  { name: "isActive", label: w.active, kind: "switch", hint: w.activeHint },
];

/** As docs/readers.md names them. */
export const readerLines = (key: string): string => `PASSHUB_URL=${location.origin}\nPASSHUB_KEY=${key}`;
