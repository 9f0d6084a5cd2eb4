// Which language the console speaks, and the catalogues: one file a subject in this folder, both languages side by side.

export type Language = "en" | "de";

export const LANGUAGES: Record<Language, string> = { en: "English", de: "Deutsch" };
const KEPT = "passhub.language";

function wanted(): Language {
  const kept = localStorage.getItem(KEPT);
  const asked = kept === null ? navigator.languages : [kept, ...navigator.languages];
  for (const tag of asked) {
    const found = tag.slice(0, 2).toLowerCase();
    if (found in LANGUAGES) return found as Language;
  }
  return "en";
}

export const language: Language = wanted();
/** How numbers and times are written. */
export const locale = language === "de" ? "de-DE" : "en-GB";

/** Another language is another page: nothing has to be drawn again in place. */
export function speak(chosen: Language): void {
  localStorage.setItem(KEPT, chosen);
  location.reload();
}

/** The words of a subject. German has to say all that English does: a missing word is a type error. */
export function catalogue<Words>(en: Words, de: NoInfer<Words>): Words {
  return language === "de" ? de : en;
}
