/** Build the page into `build/`: page, worker, runtime, and the list of files that it keeps for work offline. */

import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { build } from "esbuild";

const OUT = "build";
const RUNTIME = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
const model = process.argv[2];

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT);
const shared = {
  bundle: true,
  minify: true,
  outdir: OUT,
  target: "es2022",
  format: "esm",
  // The threads of onnxruntime start from files of its own, which lie beside the worker.
  conditions: ["onnxruntime-web-use-extern-wasm"],
  logLevel: "warning",
};
await build({ ...shared, entryPoints: ["main", "worker", "tap"].map((name) => `page/${name}.ts`) });
for (const name of ["index.html", "style.css", "icon.svg", "manifest.webmanifest"]) {
  await copyFile(join("page", name), join(OUT, name));
}
for (const name of RUNTIME) await copyFile(join(runtime, name), join(OUT, name));

const files = (await readdir(OUT)).sort();
const hash = createHash("sha256");
for (const name of files) hash.update(name).update(await readFile(join(OUT, name)));
await build({
  ...shared,
  entryPoints: ["page/service_worker.ts"],
  define: { FILES: JSON.stringify(["./", ...files]), VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)) },
});

let bytes = 0;
for (const name of await readdir(OUT)) bytes += (await stat(join(OUT, name))).size;
console.log(`${OUT}: ${(bytes / 1e6).toFixed(1)} MB with the runtime, without a model`);
if (model) {
  await cp(model, join(OUT, "recognizer.onnx"));
  console.log(`${OUT}/recognizer.onnx: ${((await stat(model)).size / 1e6).toFixed(1)} MB`);
}
