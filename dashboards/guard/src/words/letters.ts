import { catalogue } from "./language.ts";

type State = "sending" | "sent" | "refused" | "unknown";

export const w = catalogue(
  {
    title: "Letters",
    lead: "Passes that were mailed, and what became of each letter.",
    pass: "Pass",
    state: "State",
    allStates: "Every state",
    states: { sending: "On its way", sent: "Taken by the mail server", refused: "Refused", unknown: "May have arrived" } as Record<State, string>,
    fault: "The mail server’s word",
    at: "Begun",
    empty: "No pass was mailed yet",
    emptyMore: "Mail them from the page of passes, for a whole department at once, or from one pass’s page.",
    again: "What was refused is tried again by “Send by mail” on the page of passes: with the addresses as they are then, and nobody gets a letter twice. What may have arrived is not sent again, unless you say so there.",
    toPasses: "To the passes",
  },
  {
    title: "Briefe",
    lead: "Ausweise, die verschickt wurden, und was aus jedem Brief wurde.",
    pass: "Ausweis",
    state: "Stand",
    allStates: "Jeder Stand",
    states: { sending: "Unterwegs", sent: "Vom Mailserver angenommen", refused: "Abgelehnt", unknown: "Vielleicht angekommen" } as Record<State, string>,
    fault: "Was der Mailserver sagt",
    at: "Begonnen",
    empty: "Noch kein Ausweis wurde verschickt",
    emptyMore: "Verschicken Sie sie auf der Seite der Ausweise, für eine ganze Abteilung auf einmal, oder auf der Seite eines Ausweises.",
    again: "Was abgelehnt wurde, versucht „Per E-Mail senden“ auf der Seite der Ausweise noch einmal: mit den Adressen, wie sie dann sind, und niemand bekommt einen Brief zweimal. Was vielleicht angekommen ist, wird nicht noch einmal geschickt, außer Sie sagen es dort.",
    toPasses: "Zu den Ausweisen",
  },
);
