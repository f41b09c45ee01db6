import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { readAudio, StreamRecognizer } from "../dist/index.js";
import { STREAM, WAVES } from "./references.mjs";

const skip = STREAM && WAVES ? false : "needs STREAM and WAVES";

test("streams have the tokens of Python's greedy CTC, however they are cut", { skip }, async () => {
  const expected = JSON.parse(readFileSync(join(STREAM, "expected.json"), "utf8"));
  const recognizer = await StreamRecognizer.load((name) => join(STREAM, name));
  assert.ok(Object.values(expected).some((tokens) => tokens.length > 0));
  for (const [name, tokens] of Object.entries(expected)) {
    const samples = await readAudio(join(WAVES, `${name}.wav`), recognizer.sampleRate);
    for (const size of [samples.length, 4096, 777]) {
      recognizer.reset();
      let found, last = "";
      for (let at = 0; at < samples.length; at += size) {
        found = await recognizer.push(samples.subarray(at, at + size), at + size >= samples.length);
        assert.ok(found.text.startsWith(last));
        last = found.text;
      }
      assert.deepEqual(found.tokenIds, tokens);
      assert.ok(found.times.every(([start, end], index) => start < end && start >= (found.times[index - 1]?.[1] ?? 0)));
    }
  }
  await recognizer.release();
});

for (const [content, found] of [
  ["asr: {}\ncomponents: {encoder: {}}\n", "one for whole recordings"],
  ["tts: {}\ncomponents: {}\n", "a manifest without a recogniser"],
  ["{", "a manifest without a recogniser"],
]) {
  test(`other bundles are named: ${found}`, async () => {
    const load = StreamRecognizer.load(() => new TextEncoder().encode(content));
    await assert.rejects(load, { name: "ModelError", message: new RegExp(`found ${found}$`) });
  });
}
