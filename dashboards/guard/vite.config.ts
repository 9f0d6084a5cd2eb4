import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const SMALLEST = 512; // below, a compressed file saves nothing

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
  plugins: [svelte({ compilerOptions: { runes: true } }), compressed()],
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
