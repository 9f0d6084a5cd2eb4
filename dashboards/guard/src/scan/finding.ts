// Finds a code in a camera's picture: by the browser itself where it can, else by ZXing in a worker, loaded only then.

import { PREFIX } from "./code.ts";
import type { Answered, Asked } from "./reading.ts";
import workerUrl from "./reading.ts?worker&url";

export interface Finder {
  /** What the code in the picture says; null when there is none. Raises when it cannot be looked for. */
  find: (video: HTMLVideoElement) => Promise<string | null>;
  close: () => void;
}

interface Detector {
  detect: (video: HTMLVideoElement) => Promise<{ rawValue: string }[]>;
}

interface Detectors {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats: () => Promise<string[]>;
}

export async function finder(): Promise<Finder> {
  const native = (globalThis as { BarcodeDetector?: Detectors }).BarcodeDetector;
  const formats = (await native?.getSupportedFormats().catch(() => [])) ?? [];
  return native !== undefined && formats.includes("qr_code") ? byBrowser(native) : byWorker();
}

function byBrowser(native: Detectors): Finder {
  const detector = new native({ formats: ["qr_code"] });
  return { find: async (video) => best((await detector.detect(video)).map((one) => one.rawValue)), close: () => {} };
}

function byWorker(): Finder {
  const worker = new Worker(trusted(workerUrl), { type: "module" });
  let asked = 0;
  let waiting: { id: number; done: (text: string | null) => void; failed: (why: Error) => void } | null = null;
  const fail = (): void => waiting?.failed(new Error("codes cannot be looked for"));
  worker.onerror = fail;
  worker.onmessage = ({ data: { id, texts } }: MessageEvent<Answered>) => {
    if (waiting?.id !== id) return;
    if (texts === null) fail();
    else waiting.done(best(texts));
  };
  return {
    find: async (video) => {
      const picture = await createImageBitmap(video);
      const id = ++asked;
      return await new Promise((done, failed) => {
        waiting = { id, done, failed };
        worker.postMessage({ id, picture } satisfies Asked, [picture]);
      });
    },
    close: () => worker.terminate(),
  };
}

/** Of several in one picture, a pass. */
const best = (texts: string[]): string | null => texts.find((one) => one.startsWith(PREFIX)) ?? texts[0] ?? null;

interface Policies {
  createPolicy: (name: string, rules: { createScriptURL: (url: string) => string }) => { createScriptURL: (url: string) => string };
}

let policy: ReturnType<Policies["createPolicy"]> | undefined;

/** The page's policy lets scripts be named by this one alone, which knows one name. */
function trusted(url: string): string {
  policy ??= (globalThis as { trustedTypes?: Policies }).trustedTypes?.createPolicy("passhub-worker", {
    createScriptURL: (wanted) => {
      if (wanted !== workerUrl) throw new TypeError("no worker of this page");
      return wanted;
    },
  });
  return policy?.createScriptURL(url) ?? url;
}
