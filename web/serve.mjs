/** Serve the page with the headers that threads need. Usage: node serve.mjs [port] [directory] */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};
const HEADERS = {
  // Shared memory, and so threads, are for isolated pages alone.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  // Neither the page nor its worker can send anything to another place.
  "Content-Security-Policy":
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' blob:; media-src 'self' blob:; img-src 'self' data:",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** A server of the files of a directory; `isolated` is whether threads are allowed. */
export function serve(directory, port = 0, isolated = true) {
  const headers = Object.entries(HEADERS).filter(([name]) => isolated || !name.startsWith("Cross-Origin"));
  const server = createServer(async (request, response) => {
    const file = join(directory, path(request.url));
    const found = await stat(file).catch(() => null);
    if (!found?.isFile()) return response.writeHead(404).end("not found");
    const tag = `"${found.mtimeMs}-${found.size}"`;
    const same = request.headers["if-none-match"] === tag;
    response.writeHead(same ? 304 : 200, {
      ...Object.fromEntries(headers),
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      ...(same ? {} : { "Content-Length": found.size }),
      "Cache-Control": "no-cache",
      ETag: tag,
    });
    if (same || request.method === "HEAD") return response.end();
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

/** The file that a URL names, below the directory. */
function path(url) {
  try {
    const name = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    return name.endsWith("/") ? `${name}index.html` : name;
  } catch {
    return "";
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await serve(process.argv[3] ?? "build", Number(process.argv[2] ?? 8000));
  console.log(`http://localhost:${server.address().port}/ (Ctrl-C stops)`);
}
