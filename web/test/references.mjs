/** The demo's recordings and the hypotheses of upstream's Python for them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** recognizer.onnx of the demo. */
export const MODEL = process.env.RECOGNIZER;
/** The demo's recordings as WAV files. */
export const WAVES = process.env.WAVES;
/** A streaming bundle, and `expected.json`: token ids of Python's greedy CTC by recording. */
export const STREAM = process.env.STREAM;
export const DEMO = join(import.meta.dirname, "..", "..", "egs2", "digits", "asr1", "demo");
export const references = readFileSync(join(DEMO, "refs.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
export const OPTIONS = { ctc_weight: 0.3, lm_weight: 0.5 };
