/// <reference lib="webworker" />
/** The recogniser, outside of the page's own thread. */

import * as ort from "onnxruntime-web/wasm";

import { ModelError, Recognizer, type Progress, type Recognition } from "../src/recognizer.js";
import { StreamRecognizer } from "../src/stream.js";
import type { Answer, Call, Calls, ModelFacts } from "./protocol.js";

ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;
let model: Recognizer | StreamRecognizer | null = null;

async function load({ source, threads }: Calls["load"]["argument"], onProgress: Progress): Promise<ModelFacts> {
  const settings = { onProgress, ...(threads === undefined ? {} : { threads }) };
  const next = await open(source, settings);
  await model?.release();
  model = next;
  const { sampleRate } = next;
  if (next instanceof StreamRecognizer) return { sampleRate, search: "live greedy CTC", options: {}, isLive: true };
  return { sampleRate, search: `${next.search.replaceAll("_", " ")} search`, options: { ...next.options }, isLive: false };
}

function open(source: string | File[], settings: { onProgress: Progress }): Promise<Recognizer | StreamRecognizer> {
  if (typeof source === "string") {
    const isBundle = new URL(source).pathname.endsWith(".yaml");
    return isBundle
      ? StreamRecognizer.load((name) => new URL(name, source), settings)
      : Recognizer.load(source, settings);
  }
  const files = new Map(source.map((file) => [file.name, file]));
  if (!files.has("bundle.yaml")) return Recognizer.load(source[0]!, settings);
  return StreamRecognizer.load((name) => {
    const file = files.get(name);
    if (file === undefined) throw new ModelError(`${name}: choose it together with bundle.yaml`);
    return file;
  }, settings);
}

async function recognize({ samples, options }: Calls["recognize"]["argument"]): Promise<Recognition> {
  if (model === null) throw new Error("There is no model yet.");
  if (model instanceof Recognizer) return model.recognize(samples, options);
  const status = samples.length === 0 ? "too short" : samples.every(Number.isFinite) ? "recognized" : "not finite numbers";
  model.reset();
  const found = await model.push(status === "recognized" ? samples : new Float32Array(0), true);
  return { ...found, score: 0, status, nbest: [] };
}

async function push({ samples, place }: Calls["push"]["argument"]): Promise<Calls["push"]["result"]> {
  if (!(model instanceof StreamRecognizer)) throw new Error("There is no model for streams.");
  if (place === "first") model.reset();
  return model.push(samples, place === "last");
}

async function answer(call: Call): Promise<void> {
  const { id } = call, reply = (message: Answer): void => self.postMessage(message);
  const onProgress = (loaded: number, total: number): void => reply({ id, progress: [loaded, total] });
  try {
    if (call.name === "load") reply({ id, result: await load(call.argument, onProgress) });
    else reply({ id, result: await (call.name === "push" ? push(call.argument) : recognize(call.argument)) });
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error(String(error));
    reply({ id, error: message, missing: cause === 404 });
  }
}

// One call at a time: a session runs once at a time, and a stream's pieces have an order.
let queue = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<Call>) => {
  queue = queue.then(() => answer(data));
};
