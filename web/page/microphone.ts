/** A microphone that is open; `onBlock` is called with samples at its rate. */
export class Microphone {
  private readonly blocks: Float32Array[] = [];

  private constructor(
    private readonly context: AudioContext,
    private readonly stream: MediaStream,
  ) {}

  /** Open it; without `sampleRate`, at a rate of the device. */
  static async open(onBlock: (samples: Float32Array) => void, sampleRate?: number): Promise<Microphone> {
    if (navigator.mediaDevices === undefined) {
      throw new Error("A browser opens the microphone for pages from https or localhost alone.");
    }
    // What is meant for calls, such as suppression of noise, changes what models were trained on.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext(sampleRate === undefined ? {} : { sampleRate });
    const microphone = new Microphone(context, stream);
    try {
      await context.audioWorklet.addModule("tap.js");
      const tap = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
      tap.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
        microphone.blocks.push(data);
        onBlock(data);
      };
      context.createMediaStreamSource(stream).connect(tap);
    } catch (error) {
      await microphone.close();
      throw error;
    }
    return microphone;
  }

  /** Hz. */
  get sampleRate(): number {
    return this.context.sampleRate;
  }

  /** Close the microphone, and return all samples. */
  async close(): Promise<Float32Array> {
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
    const size = this.blocks.reduce((sum, block) => sum + block.length, 0), samples = new Float32Array(size);
    let at = 0;
    for (const block of this.blocks) {
      samples.set(block, at);
      at += block.length;
    }
    return samples;
  }
}
