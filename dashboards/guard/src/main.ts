import "./fonts.css";
import "./tokens.css";
import "./look.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { pageAt } from "./pages.ts";
import { preferences } from "./preferences.svelte.ts";
import { router } from "./router.svelte.ts";
import { begin } from "./session.svelte.ts";
import { language } from "./words/language.ts";

document.documentElement.lang = language;
preferences.dress();
// After an upgrade of the hub the old page's parts are gone: the new page has its own.
addEventListener("vite:preloadError", () => {
  const last = Number(sessionStorage.getItem("passhub.reloaded") ?? 0);
  if (Date.now() - last < 60_000) return; // it did not help the last time
  sessionStorage.setItem("passhub.reloaded", String(Date.now()));
  location.reload();
});

const target = document.getElementById("app");
if (target !== null) mount(App, { target });
void begin();
// What will most likely be shown comes while the hub is asked who looks at it. Whoever shows it says what fails.
pageAt(router.path === "/" ? "/live" : router.path)?.entry.load().catch(() => undefined);
