/// <reference lib="webworker" />
/** The page without a network: its files as they were built, and the models that were loaded last. */

declare const self: ServiceWorkerGlobalScope;
declare const FILES: string[];
declare const VERSION: string;

const PAGE = `page-${VERSION}`, MODELS = "models";

self.addEventListener("install", (event) => {
  const fill = async (): Promise<void> => {
    await (await caches.open(PAGE)).addAll(FILES);
    await self.skipWaiting();
  };
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  const clean = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name !== PAGE && name !== MODELS);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

/** Models come from the network while there is one, since they change without the page. */
async function model(request: Request): Promise<Response> {
  const cache = await caches.open(MODELS);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch {
    return (await cache.match(request)) ?? new Response(null, { status: 404 });
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event, { pathname, origin } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  const found = async (): Promise<Response> =>
    (await (await caches.open(PAGE)).match(request, { ignoreSearch: true })) ?? fetch(request);
  event.respondWith(/\.(onnx|yaml)$/.test(pathname) ? model(request) : found());
});

export {};
