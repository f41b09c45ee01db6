/** The page: a model, recordings, and their texts. */

import { readAudio } from "../src/audio_browser.js";
import type { Options } from "../src/recognizer.js";
import { transcribe } from "../src/transcribe.js";
import { CallError, Client } from "./client.js";
import { byId } from "./dom.js";
import { keepForOffline } from "./offline.js";
import { chosenOptions, showOptions } from "./options.js";
import type { ModelFacts } from "./protocol.js";
import { RecordingView } from "./recording.js";
import { Speaking, type Spoken } from "./speaking.js";

const query = new URLSearchParams(location.search);
const state = byId("model-state"), news = byId("news"), results = byId("results");
const progress = byId<HTMLProgressElement>("model-progress");
const modelFile = byId<HTMLInputElement>("model-file"), speechFile = byId<HTMLInputElement>("speech-file");
const threads = query.has("threads") ? Number(query.get("threads")) : undefined;
await keepForOffline();
const client = new Client();
const speaking = new Speaking(client, addSpoken, (text) => (news.textContent = text));
let model: ModelFacts | null = null;
let queue = Promise.resolve();

/** Load a model; an error leaves the one before. */
async function loadModel(source: string | File[]): Promise<void> {
  const names = typeof source === "string" ? [source.split("/").pop()!] : source.map((file) => file.name);
  const name = names.find((one) => one.endsWith(".yaml")) ?? names[0]!, began = performance.now();
  progress.hidden = false;
  progress.removeAttribute("value");
  state.className = "";
  state.textContent = `Loading ${name} …`;
  try {
    model = await client.call("load", { source, threads }, (loaded, total) => showLoaded(name, loaded, total));
    const seconds = (performance.now() - began) / 1000;
    state.textContent = `${name} is ready: ${model.search}, ${model.sampleRate} Hz. It was loaded in ${seconds.toFixed(1)} s.`;
    document.body.dataset.model = "ready";
    speechFile.disabled = false;
    speaking.use(model);
    showOptions(model.options);
  } catch (error) {
    const isMissing = error instanceof CallError && error.isMissing && typeof source === "string";
    state.textContent = isMissing ? "Choose a model to begin." : messageOf(error);
    state.className = isMissing ? "" : "bad";
    document.body.dataset.model = isMissing ? "missing" : "refused";
  } finally {
    progress.hidden = true;
  }
}

function showLoaded(name: string, loaded: number, total: number): void {
  const size = (bytes: number) => (bytes / 1e6).toFixed(1);
  if (Number.isFinite(total)) progress.value = loaded / total;
  state.textContent = `Loading ${name}: ${size(loaded)} MB${Number.isFinite(total) ? ` of ${size(total)} MB` : ""} …`;
}

/** Recognise recordings one after the other. */
function add(files: Iterable<File>): void {
  for (const file of files) {
    const view = new RecordingView(file);
    results.prepend(view.element);
    queue = queue.then(() => recognize(view));
  }
}

async function recognize(view: RecordingView, known: Spoken["transcript"] = null): Promise<void> {
  const { name } = view.file;
  try {
    const { sampleRate } = model!;
    news.textContent = `Recognising ${name} …`;
    const samples = await readAudio(view.file, sampleRate);
    view.showSamples(samples, sampleRate);
    const began = performance.now(), options: Options = chosenOptions();
    const run = (part: Float32Array) => client.call("recognize", { samples: part, options });
    const onPart = (text: string, share: number) => view.showPart(text, share);
    const found = known ?? (await transcribe(run, samples, sampleRate, onPart));
    view.show(found, known === null ? (performance.now() - began) / 1000 : null);
    news.textContent = `${name}: ${found.text || "no text"}`;
  } catch (error) {
    const isUnreadable = error instanceof DOMException && error.name === "EncodingError";
    const message = isUnreadable ? `${name}: expected a recording that this browser plays.` : messageOf(error);
    view.fail(message);
    news.textContent = message;
  }
}

function addSpoken({ file, transcript }: Spoken): void {
  if (transcript === null) return add([file]);
  const view = new RecordingView(file);
  results.prepend(view.element);
  queue = queue.then(() => recognize(view, transcript));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a file is part of a model; all else is taken for recordings. */
function isModel(file: File): boolean {
  return /\.(onnx|yaml)$/.test(file.name);
}

function dropped(event: DragEvent): void {
  event.preventDefault();
  document.body.classList.remove("over");
  const files = [...(event.dataTransfer?.files ?? [])], models = files.filter(isModel);
  if (models.length > 0) void loadModel(models);
  if (model !== null) add(files.filter((file) => !isModel(file)));
}

modelFile.onchange = () => {
  const files = [...(modelFile.files ?? [])];
  modelFile.value = "";
  if (files.length > 0) void loadModel(files);
};
speechFile.onchange = () => {
  add([...(speechFile.files ?? [])]);
  speechFile.value = "";
};
document.body.ondragover = (event) => {
  event.preventDefault();
  document.body.classList.add("over");
};
document.body.ondragleave = () => document.body.classList.remove("over");
document.body.ondrop = dropped;

const how = crossOriginIsolated ? "threads are allowed" : "one thread, since this page is not cross-origin isolated";
byId("facts").textContent = `Runs on onnxruntime in WebAssembly; ${how}.`;
await loadModel(new URL(query.get("model") ?? "recognizer.onnx", location.href).href);
