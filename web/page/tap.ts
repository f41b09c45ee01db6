/** The samples of a microphone, for the page. */

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

const SIZE = 4096; // samples of a message

class Tap extends AudioWorkletProcessor {
  private block = new Float32Array(SIZE);
  private filled = 0;

  process([channels]: Float32Array[][]): boolean {
    const samples = channels?.[0] ?? new Float32Array(0);
    if (this.filled + samples.length > SIZE) {
      this.port.postMessage(this.block.slice(0, this.filled));
      this.filled = 0;
    }
    this.block.set(samples, this.filled);
    this.filled += samples.length;
    return true;
  }
}

registerProcessor("tap", Tap);
export {};
