import type { Answer, Calls } from "./protocol.js";

/** A call that failed; `isMissing` is whether there is no such file. */
export class CallError extends Error {
  constructor(message: string, readonly isMissing: boolean) {
    super(message);
  }
}

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
  onProgress: (loaded: number, total: number) => void;
}

/** The worker, whose calls are promises. */
export class Client {
  private readonly worker = new Worker("worker.js", { type: "module" });
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.receive(data);
    this.worker.onerror = (event) => this.fail(event.message || "The worker could not be started.");
  }

  call<Name extends keyof Calls>(
    name: Name,
    argument: Calls[Name]["argument"],
    onProgress: Waiting["onProgress"] = () => undefined,
  ): Promise<Calls[Name]["result"]> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ id, name, argument });
    });
  }

  private receive(answer: Answer): void {
    const call = this.waiting.get(answer.id);
    if (call === undefined) return;
    if ("progress" in answer) return call.onProgress(...answer.progress);
    this.waiting.delete(answer.id);
    if ("error" in answer) call.reject(new CallError(answer.error, answer.missing));
    else call.resolve(answer.result as never);
  }

  private fail(message: string): void {
    for (const call of this.waiting.values()) call.reject(new CallError(message, false));
    this.waiting.clear();
  }
}
