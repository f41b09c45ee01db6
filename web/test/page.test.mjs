import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import puppeteer from "puppeteer-core";

import { serve } from "../serve.mjs";
import { model } from "./models.mjs";
import { DEMO, MODEL, OPTIONS, references, STREAM, WAVES } from "./references.mjs";

const CHROMIUM = process.env.CHROMIUM;
const skip = MODEL && WAVES && STREAM && CHROMIUM ? false : "needs RECOGNIZER, WAVES, STREAM and CHROMIUM";
const spoken = references[5];
let work, server, browser, page;

before(async () => {
  if (skip) return;
  work = mkdtempSync(join(tmpdir(), "page-"));
  cpSync(join(import.meta.dirname, "..", "build"), join(work, "site"), { recursive: true });
  cpSync(MODEL, join(work, "site", "recognizer.onnx"));
  cpSync(STREAM, join(work, "site", "stream"), { recursive: true });
  server = await serve(join(work, "site"));
  browser = await puppeteer.launch({
    executablePath: CHROMIUM,
    userDataDir: join(work, "profile"),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${join(WAVES, `${spoken.utt}.wav`)}%noloop`,
    ],
  });
  page = await browser.newPage();
  page.on("pageerror", (error) => assert.fail(error));
});

after(async () => {
  await browser?.close();
  server?.close();
  if (work) rmSync(work, { recursive: true, force: true, maxRetries: 3 });
});

const ready = () => page.waitForSelector("body[data-model=ready]", { timeout: 20000 });
const stateOfModel = () => page.$eval("#model-state", (node) => node.textContent);

/** Choose files, and return what the page shows for each of them. */
async function recognize(...files) {
  await page.$eval("#results", (node) => node.replaceChildren());
  await (await page.$("#speech-file")).uploadFile(...files);
  return shown(files.length);
}

async function shown(count) {
  await page.waitForFunction((size) => document.querySelectorAll("article[data-status]").length === size, {}, count);
  const found = await page.$$eval("article", (nodes) => nodes.map((node) => ({ ...node.dataset, said: node.innerText })));
  return found.reverse();
}

async function open(address) {
  const began = performance.now();
  await page.goto(address);
  await ready();
  const [first] = await recognize(join(DEMO, references[0].file));
  assert.equal(first.text, references[0].ref);
  return (performance.now() - began) / 1000;
}

const address = () => `http://localhost:${server.address().port}/`;

test("the page gives the texts of upstream's Python for the demo's recordings", { skip }, async () => {
  console.log(`First load to the first text: ${(await open(`${address()}?threads=1`)).toFixed(1)} s`);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  await page.$$eval("#options input", (inputs, options) => inputs.forEach((input) => (input.value = options[input.name] ?? input.value)), OPTIONS);
  const found = await recognize(...references.map(({ file }) => join(DEMO, file)));
  assert.deepEqual(found.map(({ text }) => text), references.map(({ lm }) => lm.nbest[0].text));
  const took = found.reduce((sum, one) => sum + Number(one.took), 0);
  const seconds = found.reduce((sum, one) => sum + parseFloat(one.said.match(/([\d.]+) s of speech/)[1]), 0);
  console.log(`Chromium, WebAssembly, one thread: ${(took / seconds).toFixed(3)} of the recordings' time`);
  assert.ok(took < seconds);
});

/** Let the page listen for some seconds, and return what it shows then. */
async function speak(seconds) {
  await page.$eval("#results", (node) => node.replaceChildren());
  await page.click("#record");
  await page.waitForSelector("#record[aria-pressed=true]");
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await page.click("#record");
  return (await shown(1))[0];
}

test("speech from the microphone is recognised", { skip }, async () => {
  assert.equal((await speak(3.5)).text, spoken.ref);
});

test("bad recordings have a reason and no text", { skip }, async () => {
  const files = {
    "short.wav": wave(new Float32Array(100)),
    "empty.wav": wave(new Float32Array(0)),
    "nothing.wav": Buffer.alloc(0),
    "nan.wav": wave(new Float32Array(16000).fill(NaN)),
    "no.wav": Buffer.from("no recording"),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(work, name), bytes);
  const found = await recognize(...Object.keys(files).map((name) => join(work, name)));
  const expected = ["too short", "too short", "too short", "not finite numbers", "error"];
  assert.deepEqual(found.map(({ status }) => status), expected);
  assert.match(found[0].said, /shorter than the model needs/);
  assert.match(found[4].said, /expected a recording that this browser plays/);
});

test("a model of the wrong kind is named, and the one before stays", { skip }, async () => {
  writeFileSync(join(work, "encoder.onnx"), model({ interface: '{"name": "encoder", "inputs": []}' }));
  await (await page.$("#model-file")).uploadFile(join(work, "encoder.onnx"));
  await page.waitForSelector("body[data-model=refused]");
  assert.match(await stateOfModel(), /^encoder.onnx: expected .*, found the component "encoder" of a bundle$/);
  const [found] = await recognize(join(DEMO, references[0].file));
  assert.equal(found.text, references[0].ref);
});

test("a streaming bundle recognises files as Python does, and live", { skip }, async () => {
  const [[name, expected]] = Object.entries(JSON.parse(readFileSync(join(STREAM, "expected.json"), "utf8")));
  await page.goto(`${address()}?model=stream/bundle.yaml`);
  await ready();
  assert.match(await stateOfModel(), /^bundle.yaml is ready: live greedy CTC, 16000 Hz/);
  const [found] = await recognize(join(WAVES, `${name}.wav`));
  assert.equal(found.status, "recognized");
  assert.equal(found.text === "", expected.length === 0);
  assert.ok((await page.$$(".text button[title]")).length > 0, "words can be played");
  assert.match((await speak(1)).said, /recognised while it was spoken/);
});

test("the page works without a network, and with threads", { skip }, async () => {
  const place = address();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  server = null;
  await open(`${place}?threads=2`);
});

/** A WAV file of 32-bit floating point numbers at 16 kHz. */
function wave(samples) {
  const header = Buffer.alloc(44);
  header.write("RIFF");
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write("WAVEfmt ", 8);
  [[16, 4], [3, 2], [1, 2], [16000, 4], [64000, 4], [4, 2], [32, 2]].reduce((at, [value, size]) => header.writeUIntLE(value, at, size), 16);
  header.write("data", 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}
