import { srt, type Cue, type Word } from "../src/subtitles.js";
import type { Transcript } from "../src/transcribe.js";
import { element, save } from "./dom.js";
import { drawWaveform, peaksOf } from "./waveform.js";

/** A recording on the page: waveform, player, text, and what can be done with them. */
export class RecordingView {
  readonly element: HTMLElement;
  private readonly canvas = element("canvas");
  private readonly player = element("audio", { controls: true, preload: "metadata" });
  private readonly text = element("div", { className: "text" });
  private readonly facts = element("p", { className: "facts" }, "Waiting …");
  private readonly progress = element("progress", { max: 1 });
  private readonly actions = element("div", { className: "actions" });
  private samples: Float32Array = new Float32Array(0);
  private peaks: Float32Array = new Float32Array(0);
  private seconds = 0;
  private words: Word[] = [];
  private buttons: HTMLButtonElement[] = [];

  constructor(readonly file: File) {
    this.player.src = URL.createObjectURL(file);
    this.player.setAttribute("aria-label", `Player of ${file.name}`);
    this.progress.setAttribute("aria-label", `Recognition of ${file.name}`);
    this.canvas.setAttribute("role", "img");
    this.text.lang = "";
    const title = element("h3", {}, file.name);
    this.element = element("article", {}, title, this.canvas, this.player, this.progress, this.text, this.facts, this.actions);
    this.element.setAttribute("aria-label", file.name);
    this.player.ontimeupdate = () => this.played();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  showSamples(samples: Float32Array, rate: number): void {
    this.samples = samples;
    this.seconds = samples.length / rate;
    this.canvas.setAttribute("aria-label", `Waveform of ${this.seconds.toFixed(1)} seconds`);
    this.facts.textContent = `${this.seconds.toFixed(1)} s of speech; recognising …`;
    this.draw();
  }

  showPart(text: string, share: number): void {
    this.text.textContent = text;
    this.progress.value = share;
  }

  /** Show the text; `took` is in seconds, null for a text that was there before the recording ended. */
  show(transcript: Transcript, took: number | null): void {
    this.progress.hidden = true;
    this.words = transcript.words ?? [];
    this.showText(transcript);
    this.facts.textContent = `${this.seconds.toFixed(1)} s of speech, ${this.speed(took)}.`;
    Object.assign(this.element.dataset, { status: transcript.status, text: transcript.text, took: String(took) });
    const stem = this.file.name.replace(/\.[^.]*$/, "");
    this.showActions([
      ["Copy", () => void navigator.clipboard.writeText(transcript.text)],
      ["Save as text", () => save(`${stem}.txt`, `${transcript.text}\n`)],
      ["Save as SRT", () => save(`${stem}.srt`, srt(transcript.cues))],
    ]);
    this.draw();
  }

  fail(message: string): void {
    this.progress.hidden = true;
    this.facts.replaceChildren(element("span", { className: "bad" }, message));
    this.element.dataset.status = "error";
    this.showActions([]);
  }

  private speed(took: number | null): string {
    if (took === null) return "recognised while it was spoken";
    const ratio = this.seconds === 0 ? "" : ` (${(took / this.seconds).toFixed(2)} × real time)`;
    return `recognised in ${took.toFixed(2)} s${ratio}`;
  }

  private showText({ text, status, words, cues }: Transcript): void {
    this.text.replaceChildren(...cues.map((cue) => this.cueLine(cue, words)));
    if (status === "recognized" && text === "") this.text.textContent = "(no words)";
    if (status !== "recognized") this.text.append(element("strong", { className: "bad" }, REASONS[status]));
  }

  /** A time that is played from, and the text from there on. */
  private cueLine(cue: Cue, words: Word[] | null): HTMLElement {
    const time = this.playButton(cue.start, `${Math.floor(cue.start / 60)}:${(cue.start % 60).toFixed(1).padStart(4, "0")}`);
    time.className = "time";
    time.setAttribute("aria-label", `Play from ${cue.start.toFixed(1)} seconds`);
    const spoken = (words ?? []).filter(({ start }) => cue.start <= start && start < cue.end);
    const buttons = spoken.map(({ text, start, end }) => {
      const button = this.playButton(start, text);
      button.title = `${start.toFixed(2)} to ${end.toFixed(2)} s`;
      return button;
    });
    this.buttons.push(...buttons);
    const line = words === null ? [cue.text] : buttons.flatMap((button) => [button, " "]);
    return element("p", {}, time, " ", ...line);
  }

  private playButton(start: number, label: string): HTMLButtonElement {
    const onclick = (): void => {
      this.player.currentTime = start;
      void this.player.play();
    };
    return element("button", { type: "button", onclick }, label);
  }

  private showActions(actions: [string, () => void][]): void {
    const remove = (): void => {
      URL.revokeObjectURL(this.player.src);
      this.element.remove();
    };
    const buttons = [...actions, ["Remove", remove] as const].map(([label, onclick]) => {
      const button = element("button", { type: "button", onclick }, label);
      button.setAttribute("aria-label", `${label}: ${this.file.name}`);
      return button;
    });
    this.actions.replaceChildren(...buttons);
  }

  private played(): void {
    const now = this.player.currentTime;
    this.words.forEach(({ start, end }, index) => this.buttons[index]?.classList.toggle("now", start <= now && now < end));
    this.draw();
  }

  private draw(): void {
    const at = this.seconds === 0 ? 0 : this.player.currentTime / this.seconds;
    const width = Math.floor(this.canvas.clientWidth);
    if (this.samples.length === 0 || width === 0) return;
    if (this.peaks.length !== width) this.peaks = peaksOf(this.samples, width);
    drawWaveform(this.canvas, this.peaks, this.words.map((word) => word.start / this.seconds), at);
  }
}

const REASONS: Record<Exclude<Transcript["status"], "recognized">, string> = {
  "too short": "No text: the recording is shorter than the model needs.",
  "not finite numbers": "No text: the recording contains samples that are not finite numbers.",
  "no hypothesis ended": "No text: the search ended without a hypothesis.",
};
