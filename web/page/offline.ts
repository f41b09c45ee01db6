/** Wait until the service worker keeps what is loaded from now on; without one, the page needs its server each time. */
export async function keepForOffline(): Promise<void> {
  const registration = await navigator.serviceWorker?.register("service_worker.js").catch(() => undefined);
  const worker = registration?.installing ?? registration?.waiting;
  if (!worker) return;
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (worker.state === "activated" || worker.state === "redundant") resolve();
    };
    worker.onstatechange = check;
    check();
  });
}
