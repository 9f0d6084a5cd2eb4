// Two short low tones when somebody is denied, at most once a second. Browsers let a page sound once it was touched.

const PAUSE_MS = 1_000;
let context: AudioContext | null = null;
let rung = 0;

export function ring(): void {
  if (performance.now() - rung < PAUSE_MS) return;
  rung = performance.now();
  context ??= new AudioContext();
  void context.resume();
  tone(context, 0);
  tone(context, 0.16);
}

function tone(audio: AudioContext, after: number): void {
  const from = audio.currentTime + after;
  const [source, volume] = [audio.createOscillator(), audio.createGain()];
  source.type = "triangle";
  source.frequency.value = 330;
  volume.gain.setValueAtTime(0, from);
  volume.gain.linearRampToValueAtTime(0.25, from + 0.01);
  volume.gain.exponentialRampToValueAtTime(0.001, from + 0.13);
  source.connect(volume).connect(audio.destination);
  source.start(from);
  source.stop(from + 0.14);
}
