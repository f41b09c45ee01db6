/** Loading in Node. */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import * as ort from "onnxruntime-web";

import type { Progress, Runtime, Source } from "./recognizer.js";

/** onnxruntime-web, which runs WebAssembly here, too. */
export async function defaultRuntime(threads = 1): Promise<Runtime> {
  ort.env.wasm.numThreads = threads;
  return ort;
}

/** The bytes of a model, and the name that messages give it. */
export async function readModel(source: Source, onProgress: Progress): Promise<{ bytes: Uint8Array; name: string }> {
  if (source instanceof Uint8Array) return { bytes: source, name: "model" };
  const place = source instanceof Blob ? "model" : String(source);
  const bytes = await read(source);
  onProgress(bytes.length, bytes.length);
  return { bytes, name: basename(place) };
}

async function read(source: string | URL | Blob): Promise<Uint8Array> {
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (!/^https?:/.test(String(source))) return readFile(source);
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${source}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
