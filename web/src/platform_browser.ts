/** Loading in browsers and their workers. */

import * as ort from "onnxruntime-web/wasm";

import type { Progress, Runtime, Source } from "./recognizer.js";

/** onnxruntime-web with the threads that are wanted and allowed. */
export async function defaultRuntime(threads?: number): Promise<Runtime> {
  const usual = Math.min(4, Math.ceil((navigator.hardwareConcurrency || 1) / 2));
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? (threads ?? usual) : 1;
  return ort;
}

/** The bytes of a model, and the name that messages give it. */
export async function readModel(source: Source, onProgress: Progress): Promise<{ bytes: Uint8Array; name: string }> {
  if (source instanceof Uint8Array) return { bytes: source, name: "model" };
  if (source instanceof Blob) {
    const name = source instanceof File ? source.name : "model";
    return { bytes: await collect(source.stream(), source.size, onProgress), name };
  }
  const response = await fetch(source), name = new URL(response.url).pathname.split("/").pop()!;
  if (!response.ok || response.body === null) {
    throw new Error(`${name}: ${response.status} ${response.statusText}`, { cause: response.status });
  }
  const length = response.headers.get("Content-Encoding") === null ? response.headers.get("Content-Length") : null;
  return { bytes: await collect(response.body, Number(length ?? NaN), onProgress), name };
}

async function collect(stream: ReadableStream<Uint8Array>, total: number, onProgress: Progress): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [], reader = stream.getReader();
  let loaded = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value as Uint8Array<ArrayBuffer>);
    loaded += next.value.length;
    onProgress(loaded, total);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
