// This device's camera: on, off, another one, with its light, and what it reads.

import type { Finder } from "./finding.ts";

const PAUSE_MS = 80; // between two pictures that are looked at

/** `insecure`: browsers give no camera to a page without TLS. `unread`: codes cannot be looked for. */
export type CameraState = "off" | "starting" | "on" | "refused" | "none" | "busy" | "insecure" | "gone" | "unread" | "failed";

type Light = MediaTrackCapabilities & { torch?: boolean };

const REASONS: Record<string, CameraState> = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class Camera {
  state = $state<CameraState>("off");
  /** Whether its light is on; null where there is none. */
  torch = $state<boolean | null>(null);
  /** Whether there is another one. */
  several = $state(false);
  #found: (code: string) => void;
  #stream: MediaStream | null = null;
  #finder: Finder | null = null;
  #awake: WakeLockSentinel | null = null;
  #device: string | undefined;
  #turn = 0;

  constructor(found: (code: string) => void) {
    this.#found = found;
  }

  async start(video: HTMLVideoElement): Promise<void> {
    this.#release();
    const turn = this.#turn;
    this.state = "starting";
    if (navigator.mediaDevices === undefined) {
      this.state = "insecure";
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: this.#wish() });
      if (turn !== this.#turn) return stop(stream);
      await this.#use(stream, video, turn);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#release();
      this.state = REASONS[(error as Error).name] ?? "failed";
    }
  }

  stop(): void {
    this.#release();
    this.#finder?.close();
    this.#finder = null;
    this.state = "off";
  }

  async light(): Promise<void> {
    const wanted = this.torch !== true;
    const advanced = [{ torch: wanted } as MediaTrackConstraintSet];
    await this.#stream?.getVideoTracks()[0]?.applyConstraints({ advanced }).then(
      () => (this.torch = wanted),
      () => (this.torch = null),
    );
  }

  /** The next one of those that there are. */
  async other(video: HTMLVideoElement): Promise<void> {
    const all = await cameras();
    const place = all.findIndex((one) => one.deviceId === this.#device);
    this.#device = all[(place + 1) % all.length]?.deviceId;
    await this.start(video);
  }

  #wish(): MediaTrackConstraints {
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    return this.#device === undefined ? { ...size, facingMode: { ideal: "environment" } } : { ...size, deviceId: { exact: this.#device } };
  }

  async #use(stream: MediaStream, video: HTMLVideoElement, turn: number): Promise<void> {
    this.#stream = stream;
    const track = stream.getVideoTracks()[0];
    this.#device = track?.getSettings().deviceId;
    this.torch = (track?.getCapabilities?.() as Light | undefined)?.torch === true ? false : null;
    track?.addEventListener("ended", () => {
      if (turn !== this.#turn) return;
      this.#release();
      this.state = "gone";
    });
    video.srcObject = stream;
    await video.play();
    this.several = (await cameras()).length > 1;
    if (turn !== this.#turn) return;
    this.state = "on";
    void this.#look(video, turn);
    this.#awake = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
    if (turn !== this.#turn) this.#sleep();
  }

  async #look(video: HTMLVideoElement, turn: number): Promise<void> {
    try {
      const { finder } = await import("./finding.ts");
      this.#finder ??= await finder();
      while (turn === this.#turn) {
        const code = video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ? null : await this.#finder.find(video);
        if (code !== null && turn === this.#turn) this.#found(code);
        await new Promise((done) => setTimeout(done, PAUSE_MS));
      }
    } catch {
      if (turn !== this.#turn) return;
      this.stop();
      this.state = "unread";
    }
  }

  #release(): void {
    this.#turn++;
    if (this.#stream !== null) stop(this.#stream);
    this.#stream = null;
    this.torch = null;
    this.#sleep();
  }

  #sleep(): void {
    void this.#awake?.release().catch(() => {});
    this.#awake = null;
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

async function cameras(): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "videoinput");
}
