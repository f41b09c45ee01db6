import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { readAudio, Recognizer } from "../dist/index.js";
import { MODEL, OPTIONS, references, WAVES } from "./references.mjs";

const skip = MODEL && WAVES ? false : "needs RECOGNIZER and WAVES";

test("the package recognises as upstream's Python", { skip }, async () => {
  const recognizer = await Recognizer.load(MODEL, { options: { ...OPTIONS, nbest: 5 } });
  assert.equal(recognizer.sampleRate, 16000);
  assert.equal(recognizer.search, "label_synchronous");
  const batch = await Promise.all(references.map(({ utt }) => readAudio(join(WAVES, `${utt}.wav`), 16000)));
  let took = 0, seconds = 0;
  for (const [index, { lm }] of references.entries()) {
    const began = performance.now(), found = await recognizer.recognize(batch[index]);
    took += (performance.now() - began) / 1000;
    seconds += batch[index].length / 16000;
    assert.equal(found.status, "recognized");
    assert.deepEqual(found.nbest.map((one) => one.tokenIds), lm.nbest.map((one) => one.token_int));
    assert.deepEqual(found.nbest.map((one) => one.text), lm.nbest.map((one) => one.text));
    lm.nbest.forEach(({ score }, place) => assert.ok(Math.abs(found.nbest[place].score - score) < 1e-3));
  }
  console.log(`Node, WebAssembly, one thread: ${(took / seconds).toFixed(3)} of the recordings' time`);

  const broken = batch[0].slice();
  broken[1000] = NaN;
  const results = await recognizer.recognizeBatch([new Float32Array(0), batch[1], broken, batch[0].slice(0, 100)], { nbest: 1 });
  assert.deepEqual(results.map((one) => one.status), ["too short", "recognized", "not finite numbers", "too short"]);
  assert.deepEqual(results.map((one) => one.text), ["", references[1].lm.nbest[0].text, "", ""]);
  assert.equal((await recognizer.recognize(new Float32Array(0))).status, "too short");
  await assert.rejects(recognizer.recognize(batch[0], { beam: 3 }), { name: "RangeError", message: /^beam: expected some of ctc_weight/ });
  await recognizer.release();
});
