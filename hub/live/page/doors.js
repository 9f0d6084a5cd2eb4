// The strip of doors: one card an access point, in the hub's order, changed in place once a second.

import { number, time } from "./scans.js";

const find = (id) => document.getElementById(id);

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Doors {
  constructor() {
    this.list = find("door-list");
    this.card = find("door-card").content.firstElementChild;
  }

  clear() {
    this.list.replaceChildren();
    set(find("doors-title"), "Doors");
  }

  /** `accessPoints` and `windowSeconds` of a stats message. */
  show(points, windowSeconds) {
    while (this.list.childElementCount > points.length) this.list.lastElementChild.remove();
    while (this.list.childElementCount < points.length) this.list.append(this.card.cloneNode(true));
    points.forEach((point, place) => this.#fill(this.list.children[place], point));
    const over = windowSeconds < 120 ? `${windowSeconds} s` : `${Math.round(windowSeconds / 60)} min`;
    set(find("doors-title"), windowSeconds > 0 ? `Doors, last ${over}` : "Doors");
  }

  #fill(card, point) {
    const online = point.reader === "online"; // it keeps a connection open; one that asks by HTTP has none
    const last = point.lastScanAt ? `last ${time(new Date(point.lastScanAt))}` : "no scan yet";
    card.dataset.reader = online ? "online" : "offline";
    set(card.querySelector(".name bdi"), point.name);
    set(card.querySelector(".rate"), `${number(Math.round(point.perMinute))}/min`);
    set(card.querySelector(".word"), online ? "Reader online" : "Not connected");
    set(card.querySelector(".last"), last);
    set(card.querySelector(".tally"), `${number(point.granted)} granted · ${number(point.denied)} denied`);
  }
}
