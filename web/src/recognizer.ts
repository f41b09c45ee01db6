/** A recogniser that is one graph: one run of onnxruntime for each batch, and texts by joining pieces. */

import type * as Ort from "onnxruntime-web";

import { defaultRuntime, readModel } from "#platform";
import { describe, ModelError, type Description, type Options, type OptionValue, type Tensor } from "./description.js";

export { ModelError, type Options, type OptionValue } from "./description.js";

/** The part of onnxruntime that is used; `onnxruntime-web` and `onnxruntime-node` both have it. */
export type Runtime = Pick<typeof Ort, "InferenceSession" | "Tensor">;
/** A model: a URL, a path (Node), a file that was chosen, or its bytes. */
export type Source = string | URL | Blob | Uint8Array;
/** Called with the bytes that were loaded, and with those of the whole model, NaN where that is unknown. */
export type Progress = (loaded: number, total: number) => void;

export interface Settings {
  /** Inputs of the graph, such as `{nbest: 3}`; others have the file's defaults. */
  options?: Options;
  /** Threads of an operator. In browsers, more than one needs cross-origin isolation. */
  threads?: number;
  /** Called while the model is loaded. */
  onProgress?: Progress;
  /** onnxruntime-node, for instance. Default: onnxruntime-web. */
  runtime?: Runtime;
}

/** Reasons why there is no hypothesis, by values of the output `status`. */
export const STATUS = ["recognized", "too short", "not finite numbers", "no hypothesis ended"] as const;
export type Status = (typeof STATUS)[number];

export interface Hypothesis {
  /** null where the file has no pieces that texts could be joined from. */
  text: string | null;
  tokens: string[];
  tokenIds: number[];
  score: number;
  /** Start and end of each token in seconds; null where the search gives none. */
  times: [number, number][] | null;
}

export interface Recognition extends Hypothesis {
  /** Anything but "recognized" comes with an empty text. */
  status: Status;
  /** All hypotheses, best first. */
  nbest: Hypothesis[];
}

type Results = Record<string, Ort.Tensor>;
const NOTHING: Hypothesis = { text: "", tokens: [], tokenIds: [], score: -Infinity, times: null };
const ARRAYS = {
  float32: (value: OptionValue) => Float32Array.of(Number(value)),
  int64: (value: OptionValue) => BigInt64Array.of(BigInt(value)),
  bool: (value: OptionValue) => Uint8Array.of(Number(value)),
};

export class Recognizer {
  private constructor(
    private readonly session: Ort.InferenceSession,
    private readonly runtime: Runtime,
    private readonly description: Description,
    /** The options of every run, by name. */
    readonly options: Readonly<Options>,
  ) {}

  /**
   * Load a model.
   *
   * @throws {ModelError} for a file of another kind.
   * @throws {RangeError} for an option that the graph does not have.
   */
  static async load(source: Source, settings: Settings = {}): Promise<Recognizer> {
    const { bytes, name } = await readModel(source, settings.onProgress ?? (() => undefined));
    const description = describe(bytes, name);
    const options = combined(description.options, settings.options);
    const runtime = settings.runtime ?? (await defaultRuntime(settings.threads));
    const threads = settings.threads === undefined ? {} : { intraOpNumThreads: settings.threads };
    const session = await runtime.InferenceSession.create(bytes, threads).catch((error) => {
      throw new ModelError(`${name}: expected a graph that onnxruntime loads, found: ${error.message}`, { cause: error });
    });
    return new Recognizer(session, runtime, description, options);
  }

  /** Hz. */
  get sampleRate(): number {
    return this.description.sampleRate;
  }

  /** Search that the graph contains, such as "label_synchronous". */
  get search(): string {
    return this.description.search;
  }

  /** Recognise samples in [-1, 1) at `sampleRate`. */
  async recognize(samples: Float32Array, options?: Options): Promise<Recognition> {
    return (await this.recognizeBatch([samples], options))[0]!;
  }

  /** Recognise several utterances in one run. */
  async recognizeBatch(batch: Float32Array[], options?: Options): Promise<Recognition[]> {
    if (batch.length === 0) return [];
    const results = (await this.session.run(this.feeds(batch, combined(this.options, options)))) as Results;
    return batch.map((_, row) => this.recognition(results, row));
  }

  /** Free the memory of the model. */
  async release(): Promise<void> {
    await this.session.release();
  }

  private feeds(batch: Float32Array[], options: Options): Results {
    const { Tensor } = this.runtime;
    const longest = Math.max(...batch.map((samples) => samples.length));
    const speech = new Float32Array(batch.length * longest);
    batch.forEach((samples, row) => speech.set(samples, row * longest));
    const lengths = BigInt64Array.from(batch, (samples) => BigInt(samples.length));
    const option = ({ name, dtype }: Tensor) => [name, new Tensor(dtype, ARRAYS[dtype](options[name]!), [1])];
    return {
      speech: new Tensor("float32", speech, [batch.length, longest]),
      speech_lengths: new Tensor("int64", lengths, [batch.length]),
      ...Object.fromEntries(this.description.optionInputs.map(option)),
    };
  }

  private recognition(results: Results, row: number): Recognition {
    const width = results.scores!.dims[1]!;
    const scores = (results.scores!.data as Float32Array).subarray(row * width, (row + 1) * width);
    const nbest = Array.from(scores, (score, place) => ({ score, place }))
      .filter(({ score }) => score > -Infinity)
      .map(({ score, place }) => this.hypothesis(results, row, place, score));
    const status = STATUS[Number((results.status!.data as BigInt64Array)[row])]!;
    return { ...(nbest[0] ?? NOTHING), status, nbest };
  }

  private hypothesis(results: Results, row: number, place: number, score: number): Hypothesis {
    const [, width, longest] = results.token_ids!.dims as [number, number, number];
    const at = row * width + place;
    const count = Number((results.token_lengths!.data as BigInt64Array)[at]);
    const ids = (results.token_ids!.data as BigInt64Array).subarray(at * longest, at * longest + count);
    const tokenIds = Array.from(ids, Number), pieces = this.description.pieces;
    const tokens = pieces === null ? tokenIds.map(String) : tokenIds.map((id) => pieces[id]!);
    const text = pieces === null ? null : tokens.join("").replaceAll("▁", " ").trim();
    return { text, tokens, tokenIds, score, times: intervals(results.times, row, place, count) };
  }
}

/** The options with some replaced. */
function combined(known: Readonly<Options>, wanted: Options = {}): Options {
  for (const name of Object.keys(wanted)) {
    if (!(name in known)) {
      throw new RangeError(`${name}: expected some of ${Object.keys(known).join(", ") || "no options"}`);
    }
  }
  return { ...known, ...wanted };
}

/** The rows (batch, hypotheses, tokens, 2) of one hypothesis, where it has times. */
function intervals(times: Ort.Tensor | undefined, row: number, place: number, count: number): Hypothesis["times"] {
  if (times === undefined || place >= times.dims[1]!) return null;
  const data = times.data as Float32Array, first = (row * times.dims[1]! + place) * times.dims[2]! * 2;
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * 2;
    return [data[at]!, data[at + 1]!];
  });
}
