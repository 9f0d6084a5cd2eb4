// What a browser on a wall says until somebody has let it in.

import { catalogue } from "./language.ts";

export const w = catalogue(
  {
    title: "Pair this screen",
    lead: "Somebody who may types this code, and this screen shows what happens at the doors.",
    open: "On another device, open",
    press: "Press “Pair a screen”.",
    type: "Type the code, and where this screen hangs.",
    renews: "A code that has run out is replaced by itself.",
    over: "This screen was revoked, or its time is over.",
    anew: "It has to be paired anew.",
    person: "Sign in as a person",
  },
  {
    title: "Diesen Bildschirm koppeln",
    lead: "Wer es darf, tippt diesen Code ein, und dieser Bildschirm zeigt, was an den Türen geschieht.",
    open: "Öffnen Sie auf einem anderen Gerät",
    press: "Drücken Sie „Bildschirm koppeln“.",
    type: "Tippen Sie den Code ein, und wo dieser Bildschirm hängt.",
    renews: "Ein abgelaufener Code wird von selbst ersetzt.",
    over: "Dieser Bildschirm wurde gesperrt, oder seine Zeit ist um.",
    anew: "Er muss neu gekoppelt werden.",
    person: "Als Person anmelden",
  },
);
