// Finds QR codes in pictures, where the browser cannot: ZXing in WebAssembly, beside the page and not in it, so that the
// page never stands still, and so that compiling WebAssembly is allowed to this file alone (hub/live/page.py).

import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import wasm from "zxing-wasm/reader/zxing_reader.wasm?url";

export interface Asked {
  id: number;
  picture: ImageBitmap;
}

/** `texts`: what the codes say; null when they could not be looked for. */
export interface Answered {
  id: number;
  texts: string[] | null;
}

const WIDEST = 1280; // pixels; more only takes longer
const scope = self as unknown as { onmessage: (event: MessageEvent<Asked>) => void; postMessage: (answer: Answered) => void };
const canvas = new OffscreenCanvas(1, 1);
const loaded = prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });

async function read(picture: ImageBitmap): Promise<string[]> {
  await loaded;
  const scale = Math.min(1, WIDEST / Math.max(picture.width, picture.height));
  const [width, height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("there is no canvas to draw on");
  context.drawImage(picture, 0, 0, width, height);
  const found = await readBarcodes(context.getImageData(0, 0, width, height), { formats: ["QRCode"], maxNumberOfSymbols: 4 });
  return found.map((one) => one.text);
}

scope.onmessage = ({ data: { id, picture } }) => {
  read(picture).then(
    (texts) => scope.postMessage({ id, texts }),
    () => scope.postMessage({ id, texts: null }),
  );
};
