/** Messages between the page and its worker. */

import type { Options, Recognition } from "../src/recognizer.js";
import type { StreamText } from "../src/stream.js";

export interface ModelFacts {
  sampleRate: number;
  /** A sentence's part, such as "label synchronous search". */
  search: string;
  options: Options;
  /** Whether it recognises while one speaks. */
  isLive: boolean;
}

export interface Calls {
  /** The source is a URL of recognizer.onnx or bundle.yaml, or files that were chosen. */
  load: { argument: { source: string | File[]; threads?: number | undefined }; result: ModelFacts };
  recognize: { argument: { samples: Float32Array; options: Options }; result: Recognition };
  /** Samples of one who speaks; `place` says whether they begin or end a stream. */
  push: { argument: { samples: Float32Array; place: "first" | "next" | "last" }; result: StreamText };
}

export type Call = { [Name in keyof Calls]: { id: number; name: Name; argument: Calls[Name]["argument"] } }[keyof Calls];
export type Answer =
  | { id: number; progress: [number, number] }
  | { id: number; result: unknown }
  | { id: number; error: string; missing: boolean };
