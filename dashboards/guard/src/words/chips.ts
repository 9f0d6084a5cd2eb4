import { catalogue } from "./language.ts";

export const w = catalogue(
  { deleted: "Deleted", on: "Active", off: "Switched off" },
  { deleted: "Gelöscht", on: "Aktiv", off: "Ausgeschaltet" },
);
