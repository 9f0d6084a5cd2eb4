import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
// @ts-expect-error -- no types come with it
import subset from "subset-font";
import { defineConfig, type Plugin } from "vite";

const subsetFont: (font: Buffer, letters: string, options: object) => Promise<Buffer> = subset;
const SMALLEST = 512; // below, a compressed file saves nothing
const FONTS = "node_modules/@fontsource-variable/inter/files";
const LESS = "node_modules/.letters"; // where fonts.css looks for them

/** Inter with the letters and weights that fonts.css names: whole, the two files are three times as large. */
function letters(): Plugin {
  const spelled = (range: string): string => {
    const ends = range.split(",").map((part) => part.trim().slice(2).split("-").map((code) => parseInt(code, 16)));
    return ends.flatMap(([first = 0, last = first]) => Array.from({ length: last - first + 1 }, (_, place) => String.fromCodePoint(first + place))).join("");
  };
  return {
    name: "letters",
    async buildStart() {
      mkdirSync(LESS, { recursive: true });
      const faces = readFileSync("src/fonts.css", "utf8").matchAll(/font-weight: (\d+) (\d+);[^}]*\.letters\/([^"]+)"[^}]*unicode-range: ([^;]+);/g);
      for (const [, min, max, file = "", range = ""] of faces) {
        const options = { targetFormat: "woff2", variationAxes: { wght: { min: Number(min), max: Number(max) } } };
        writeFileSync(join(LESS, file), await subsetFont(readFileSync(join(FONTS, file)), spelled(range), options));
      }
    },
  };
}

/** Beside each file the same in brotli and gzip, so that the hub compresses nothing while it serves. */
function compressed(): Plugin {
  let folder = "";
  const pack = (path: string): void => {
    const body = readFileSync(path);
    if (body.length < SMALLEST || /\.(br|gz|png|woff2)$/.test(path)) return;
    writeFileSync(`${path}.br`, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(`${path}.gz`, gzipSync(body, { level: 9 }));
  };
  const walk = (at: string): void => {
    for (const name of readdirSync(at)) {
      const path = join(at, name);
      if (statSync(path).isDirectory()) walk(path);
      else pack(path);
    }
  };
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    closeBundle: () => walk(folder),
  };
}

export default defineConfig({
  plugins: [letters(), svelte({ compilerOptions: { runes: true } }), compressed()],
  // The hub tells workers by their names: what they may do is theirs alone (hub/live/page.py).
  worker: { format: "es", rolldownOptions: { output: { entryFileNames: "assets/worker-[name]-[hash].js" } } },
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox121", "safari17.5"], // the first that know light-dark()
    assetsInlineLimit: 0, // the policy allows no data: scripts, fonts or styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
