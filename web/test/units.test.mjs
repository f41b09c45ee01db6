import assert from "node:assert/strict";
import { test } from "node:test";

import { cues, divide, Recognizer, srt, transcribe, words } from "../dist/index.js";
import { readMetadata } from "../dist/metadata.js";
import { model } from "./models.mjs";

const RATE = 16000;
const RECOGNIZER = { interface: '{"name": "recognizer", "inputs": []}', options: "{}", sample_rate: "16000" };

test("metadata is read around a graph of any size", () => {
  const long = "x".repeat(70000);
  assert.deepEqual([...readMetadata(model({ tokens: '["▁a"]', long }))], [["tokens", '["▁a"]'], ["long", long]]);
});

for (const [name, bytes, found] of [
  ["text", new TextEncoder().encode("hello"), /not ONNX/],
  ["no bytes", new Uint8Array(0), /not ONNX/],
  ["another exporter's", model({}), /exported by something else/],
  ["broken metadata", model({ interface: "{" }), /other metadata/],
  ["a graph that does not load", model(RECOGNIZER), /a graph that onnxruntime loads/],
  ["a component", model({ interface: '{"name": "encoder", "inputs": []}' }), /component "encoder" of a bundle/],
]) {
  test(`a model of the wrong kind is named: ${name}`, async () => {
    await assert.rejects(Recognizer.load(bytes), { name: "ModelError", message: found });
  });
}

test("words begin at each ▁", () => {
  const found = words(["▁t", "hree", "▁", "five"], [[0, 0.1], [0.1, 0.2], [0.3, 0.4], [0.4, 0.6]]);
  assert.deepEqual(found, [{ text: "three", start: 0, end: 0.2 }, { text: "five", start: 0.4, end: 0.6 }]);
  assert.deepEqual(words(["你", "好"], [[0, 1], [1, 2]]).map((word) => word.text), ["你", "好"]);
});

test("subtitles are divided at pauses, and when they are long", () => {
  const all = [[0, 1], [1.1, 2], [4, 5], [5, 6], [6, 11]].map(([start, end], index) => ({ text: `w${index}`, start, end }));
  assert.deepEqual(cues(all).map((cue) => cue.text), ["w0 w1", "w2 w3", "w4"]);
  assert.equal(srt([{ text: "a", start: 3661.5, end: 3662 }]), "1\n01:01:01,500 --> 01:01:02,000\na\n");
});

/** Noise, silent at some intervals of seconds. */
function noise(seconds, ...silences) {
  let seed = 1;
  const samples = Float32Array.from({ length: seconds * RATE }, () => ((seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5) * 0.2);
  for (const [from, to] of silences) samples.fill(0, from * RATE, to * RATE);
  return samples;
}

test("long recordings are divided in pauses", () => {
  const parts = divide(noise(50, [8, 8.5], [12, 14], [30, 30.5]), RATE);
  assert.deepEqual(parts.map(({ start, end }) => [start / RATE, end / RATE].map(Math.round)), [[0, 13], [13, 30], [30, 50]]);
  const last = divide(noise(31, [10, 11], [20, 21]), RATE);
  assert.deepEqual(last.map(({ end }) => Math.round(end / RATE - 0.01)), [10, 20, 31]);
  assert.equal(divide(noise(20, [10, 11]), RATE).length, 1);
  assert.equal(divide(new Float32Array(0), RATE).length, 1);
  assert.ok(divide(noise(100), RATE).every(({ start, end }) => end - start <= 30 * RATE));
});

test("texts of parts are joined, and times count from the beginning", async () => {
  const samples = noise(40, [11, 14]);
  const recognize = async () => ({ status: "recognized", text: "a b", tokens: ["▁a", "▁b"], times: [[1, 2], [2, 3]] });
  const found = await transcribe(recognize, samples, RATE);
  assert.equal(found.text, "a b a b");
  assert.equal(found.words.length, 4);
  assert.ok(Math.abs(found.words[2].start - 13.5) < 0.1);
  const untimed = await transcribe(async () => ({ status: "recognized", text: "a", tokens: ["▁a"], times: null }), samples, RATE);
  assert.equal(untimed.words, null);
  assert.deepEqual(untimed.cues.map((cue) => cue.text), ["a", "a"]);
  assert.ok(Math.abs(untimed.cues[1].start - 13.9) < 0.1);
});
