/** Recognition while samples arrive: greedy CTC over the graphs `encoder_step` and `ctc` of a streaming bundle. */

import type * as Ort from "onnxruntime-web";
import { parse } from "yaml";

import { defaultRuntime, readModel } from "#platform";
import { ModelError, type Tensor } from "./description.js";
import type { Progress, Runtime, Settings, Source } from "./recognizer.js";

/** Returns where a file of the bundle is. */
export type Locate = (name: string) => Source;
export type StreamSettings = Pick<Settings, "threads" | "onProgress" | "runtime">;

/** The text of a stream so far. */
export interface StreamText {
  text: string;
  tokens: string[];
  tokenIds: number[];
  /** Start and end of each token in seconds. */
  times: [number, number][];
}

interface Manifest {
  components: Record<string, { file: string; interface: { states: { input: Tensor; output: Tensor }[] } }>;
  asr: {
    sample_rate: number;
    tokens: string[];
    tokenizer: { token_type: string };
    special: { blank: number };
    streaming: { samples_per_step: number; frame_stride: number; lead: number; least_steps: number };
  };
}

const GOES_ON = 10n ** 9n; // `remaining` of a stream whose end is not known
const ARRAYS = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };
// Pieces of tokens whose join is the text, by token type.
const PIECES: Record<string, (token: string) => string> = {
  bpe: (token) => (token === "<unk>" ? "▁⁇▁" : token),
  char: (token) => (token === "<space>" ? "▁" : token),
  word: (token) => `▁${token}`,
  phn: (token) => token,
};

export class StreamRecognizer {
  private waiting = new Float32Array(0);
  private steps = 0;
  private frames = 0;
  private last = 0;
  private states: Record<string, Ort.Tensor> = {};
  private tokenIds: number[] = [];
  private spans: [number, number][] = [];

  private constructor(
    private readonly encoder: Ort.InferenceSession,
    private readonly ctc: Ort.InferenceSession,
    private readonly runtime: Runtime,
    private readonly manifest: Manifest,
  ) {
    this.reset();
  }

  /**
   * Load the bundle whose files `locate` finds.
   *
   * @throws {ModelError} for a bundle that is not for streams, or has no CTC.
   */
  static async load(locate: Locate, settings: StreamSettings = {}): Promise<StreamRecognizer> {
    const onProgress = settings.onProgress ?? (() => undefined);
    const manifest = readManifest(new TextDecoder().decode((await readModel(locate("bundle.yaml"), () => undefined)).bytes));
    const runtime = settings.runtime ?? (await defaultRuntime(settings.threads));
    const open = async (name: string, report: Progress): Promise<Ort.InferenceSession> =>
      runtime.InferenceSession.create((await readModel(locate(manifest.components[name]!.file), report)).bytes);
    // Almost all bytes of a bundle are the encoder's.
    const encoder = await open("encoder_step", onProgress), ctc = await open("ctc", () => undefined);
    return new StreamRecognizer(encoder, ctc, runtime, manifest);
  }

  /** Hz. */
  get sampleRate(): number {
    return this.manifest.asr.sample_rate;
  }

  /** Begin another stream. */
  reset(): void {
    const { streaming, special } = this.manifest.asr;
    this.waiting = new Float32Array(streaming.lead);
    this.steps = this.frames = 0;
    this.last = special.blank;
    this.tokenIds = [];
    this.spans = [];
    this.states = Object.fromEntries(
      this.manifest.components.encoder_step!.interface.states.map(({ input }) => [input.name, this.zeros(input)]),
    );
  }

  /** Take the next samples in [-1, 1) at `sampleRate`, any number of them; `isFinal` ends the stream. */
  async push(samples: Float32Array, isFinal = false): Promise<StreamText> {
    const { samples_per_step: size, least_steps: least } = this.manifest.asr.streaming;
    const waiting = new Float32Array(this.waiting.length + samples.length);
    waiting.set(this.waiting);
    waiting.set(samples, this.waiting.length);
    const whole = Math.floor(waiting.length / size);
    const ahead = isFinal ? Math.max(whole + 1, least - this.steps) : whole;
    for (let step = 0; step < ahead; step++) {
      const remaining = isFinal ? BigInt(waiting.length - step * size) : GOES_ON;
      await this.step(waiting.subarray(step * size, (step + 1) * size), remaining);
    }
    this.waiting = waiting.slice(Math.min(ahead * size, waiting.length));
    this.steps += ahead;
    return this.text();
  }

  /** Free the memory of the model. */
  async release(): Promise<void> {
    await Promise.all([this.encoder.release(), this.ctc.release()]);
  }

  private zeros({ axes, dtype }: Tensor): Ort.Tensor {
    const shape = axes.map((axis) => (typeof axis === "number" ? axis : 1));
    const size = shape.reduce((product, axis) => product * axis, 1);
    return new this.runtime.Tensor(dtype, new ARRAYS[dtype](size), shape) as Ort.Tensor;
  }

  private async step(piece: Float32Array, remaining: bigint): Promise<void> {
    const { Tensor } = this.runtime, { components, asr } = this.manifest, size = asr.streaming.samples_per_step;
    const speech = new Float32Array(size);
    speech.set(piece);
    const results = await this.encoder.run({
      speech: new Tensor("float32", speech, [1, 1, size]),
      remaining: new Tensor("int64", BigInt64Array.of(remaining), [1]),
      ...this.states,
    });
    const states = components.encoder_step!.interface.states;
    this.states = Object.fromEntries(states.map(({ input, output }) => [input.name, results[output.name]!]));
    const count = Number((results.encoder_out_lens!.data as BigInt64Array)[0]), width = results.encoder_out!.dims[2]!;
    if (count === 0) return;
    const frames = (results.encoder_out!.data as Float32Array).slice(0, count * width);
    const { ctc_log_probs: found } = await this.ctc.run({ encoder_out: new Tensor("float32", frames, [1, count, width]) });
    this.search(found!.data as Float32Array, found!.dims[2]!);
  }

  /** Merge equal neighbours among the best tokens of the frames (T, V), then leave out blanks. */
  private search(scores: Float32Array, size: number): void {
    const { blank } = this.manifest.asr.special;
    for (let at = 0; at < scores.length; at += size, this.frames++) {
      const frame = scores.subarray(at, at + size), token = frame.indexOf(frame.reduce((a, b) => Math.max(a, b)));
      if (token !== blank && token === this.last) this.spans.at(-1)![1] = this.frames + 1;
      else if (token !== blank) {
        this.tokenIds.push(token);
        this.spans.push([this.frames, this.frames + 1]);
      }
      this.last = token;
    }
  }

  private text(): StreamText {
    const { tokens: known, streaming, sample_rate: rate } = this.manifest.asr;
    const seconds = streaming.frame_stride / rate; // of a frame
    const tokens = this.tokenIds.map((id) => known[id]!);
    const times = this.spans.map(([start, end]): [number, number] => [start * seconds, end * seconds]);
    return { text: tokens.join("").replaceAll("▁", " ").trim(), tokens, tokenIds: [...this.tokenIds], times };
  }
}

function readManifest(content: string): Manifest {
  const found = (what: string) => new ModelError(`bundle.yaml: expected a bundle that export_onnx --streaming true wrote, found ${what}`);
  const manifest = readYaml(content);
  if (manifest?.asr === undefined) throw found("a manifest without a recogniser");
  if (manifest.components.encoder_step === undefined) throw found("one for whole recordings");
  if (manifest.components.ctc === undefined) throw found("a model without CTC, by which streams are recognised here");
  const piece = PIECES[manifest.asr.tokenizer?.token_type];
  if (piece === undefined) throw found("tokens whose texts are no join of them");
  manifest.asr.tokens = manifest.asr.tokens.map(piece);
  return manifest;
}

/** The value of a YAML file; null where it is none. */
function readYaml(content: string) {
  try {
    return parse(content);
  } catch {
    return null;
  }
}
