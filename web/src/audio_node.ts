import { readFile } from "node:fs/promises";

import wavefile from "wavefile";

/** Samples of a WAV file in [-1, 1), the mean of its channels, resampled to `rate` Hz. */
export async function readAudio(source: string | URL | Uint8Array, rate: number): Promise<Float32Array> {
  const wav = new wavefile.WaveFile(source instanceof Uint8Array ? source : await readFile(source));
  wav.toBitDepth("32f");
  if ((wav.fmt as { sampleRate: number }).sampleRate !== rate) wav.toSampleRate(rate, { method: "sinc" });
  const found = wav.getSamples(false, Float32Array) as unknown as Float32Array | Float32Array[];
  if (!Array.isArray(found)) return found;
  return found[0]!.map((_, at) => found.reduce((sum, channel) => sum + channel[at]!, 0) / found.length);
}
