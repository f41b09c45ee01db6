import { resample } from "../src/audio_browser.js";
import { cues, words } from "../src/subtitles.js";
import type { Transcript } from "../src/transcribe.js";
import type { StreamText } from "../src/stream.js";
import type { Client } from "./client.js";
import { byId } from "./dom.js";
import { Microphone } from "./microphone.js";
import type { ModelFacts } from "./protocol.js";
import { wavFile } from "./wav.js";

/** A recording of the microphone; `transcript` is there if it was recognised meanwhile. */
export interface Spoken {
  file: File;
  transcript: Transcript | null;
}

/** The button that begins and ends speaking. */
export class Speaking {
  private readonly button = byId<HTMLButtonElement>("record");
  private readonly level = byId<HTMLMeterElement>("level");
  private readonly live = byId("live");
  private microphone: Microphone | null = null;
  private pushed: Promise<StreamText | null> = Promise.resolve(null);
  private place: "first" | "next" = "first";
  private model: ModelFacts | null = null;

  constructor(
    private readonly client: Client,
    private readonly onSpoken: (spoken: Spoken) => void,
    private readonly onNews: (text: string) => void,
  ) {
    this.button.onclick = () => void this.toggle();
  }

  /** Let the button speak to a model; one that is open goes on with its own. */
  use(model: ModelFacts): void {
    if (this.microphone === null) this.model = model;
    this.button.disabled = false;
  }

  private async toggle(): Promise<void> {
    if (this.model === null) return;
    this.button.disabled = true;
    try {
      await (this.microphone === null ? this.begin(this.model) : this.end(this.model, this.microphone));
    } catch (error) {
      const isRefused = error instanceof DOMException && error.name === "NotAllowedError";
      this.onNews(isRefused ? "The microphone was not allowed." : error instanceof Error ? error.message : String(error));
    }
    const isOpen = this.microphone !== null;
    this.level.hidden = !isOpen;
    this.live.hidden = !(isOpen && this.model.isLive);
    this.button.disabled = false;
    this.button.setAttribute("aria-pressed", String(isOpen));
    this.button.textContent = isOpen ? "Stop" : "Speak";
  }

  private async begin(model: ModelFacts): Promise<void> {
    this.live.textContent = "";
    this.pushed = Promise.resolve(null);
    this.place = "first";
    const onBlock = (samples: Float32Array): void => {
      this.showLevel(samples);
      if (model.isLive) this.push(samples);
    };
    this.microphone = await Microphone.open(onBlock, model.isLive ? model.sampleRate : undefined);
    this.onNews("Speak now.");
  }

  private async end(model: ModelFacts, microphone: Microphone): Promise<void> {
    this.microphone = null;
    const samples = await microphone.close(), { sampleRate } = model;
    const all = await resample(samples, microphone.sampleRate, sampleRate);
    const name = `${new Date().toLocaleTimeString("en-GB").replaceAll(":", "-")}.wav`;
    const transcript = model.isLive ? await this.finish() : null;
    this.onSpoken({ file: wavFile(all, sampleRate, name), transcript });
  }

  private push(samples: Float32Array): void {
    const { place } = this;
    this.place = "next";
    this.pushed = this.client.call("push", { samples, place });
    this.pushed.then((found) => (this.live.textContent = found?.text || "…"), (error) => this.onNews(error.message));
  }

  private async finish(): Promise<Transcript> {
    await this.pushed;
    if (this.place === "first") this.push(new Float32Array(0));
    const { text, tokens, times } = await this.client.call("push", { samples: new Float32Array(0), place: "last" });
    const all = words(tokens, times), isSpaced = tokens.some((token) => token.includes("▁"));
    return { text, words: all, cues: cues(all, isSpaced ? " " : ""), status: "recognized" };
  }

  private showLevel(samples: Float32Array): void {
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    this.level.value = Math.max(0, 1 + Math.log10(power + 1e-10) / 6);
  }
}
