import { catalogue } from "./language.ts";
import { reasonWords } from "./live.ts";

export const w = catalogue(
  {
    decision: "Decision",
    time: "When",
    door: "Access point",
    direction: "Way",
    directions: { entry: "in", exit: "out" } as Record<string, string>,
    said: (status: string, reason: string | null) => (status === "granted" ? "Granted" : `Denied: ${reasonWords(reason)}`),
  },
  {
    decision: "Entscheidung",
    time: "Wann",
    door: "Zugang",
    direction: "Richtung",
    directions: { entry: "hinein", exit: "hinaus" } as Record<string, string>,
    said: (status: string, reason: string | null) => (status === "granted" ? "Eingelassen" : `Abgewiesen: ${reasonWords(reason)}`),
  },
);
