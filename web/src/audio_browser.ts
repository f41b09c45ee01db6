/**
 * Samples of a recording in [-1, 1), its channels mixed, resampled to `rate` Hz.
 *
 * Reads the formats that the browser plays. Workers have no decoder: call it from a page.
 */
export async function readAudio(source: Blob | Uint8Array, rate: number): Promise<Float32Array> {
  const bytes = source instanceof Blob ? await source.arrayBuffer() : source.slice().buffer;
  if (isEmpty(new DataView(bytes))) return new Float32Array(0);
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  if (decoded.numberOfChannels === 1) return decoded.getChannelData(0);
  const mixer = new OfflineAudioContext(1, decoded.length, rate);
  const player = mixer.createBufferSource();
  player.buffer = decoded;
  player.connect(mixer.destination);
  player.start();
  return (await mixer.startRendering()).getChannelData(0);
}

/** Whether a file is empty, or a WAV file without samples, which browsers refuse to decode. */
function isEmpty(file: DataView): boolean {
  const RIFF = 0x52494646, DATA = 0x64617461; // as letters
  if (file.byteLength < 12 || file.getUint32(0) !== RIFF) return file.byteLength === 0;
  for (let at = 12, size; at + 8 <= file.byteLength; at += 8 + size + (size % 2)) {
    size = file.getUint32(at + 4, true);
    if (file.getUint32(at) === DATA) return size === 0;
  }
  return true;
}

/** Resample samples of `from` Hz to `rate` Hz. */
export async function resample(samples: Float32Array, from: number, rate: number): Promise<Float32Array> {
  if (from === rate || samples.length === 0) return samples;
  const context = new OfflineAudioContext(1, Math.ceil((samples.length * rate) / from), rate);
  const buffer = context.createBuffer(1, samples.length, from), player = context.createBufferSource();
  buffer.getChannelData(0).set(samples);
  player.buffer = buffer;
  player.connect(context.destination);
  player.start();
  return (await context.startRendering()).getChannelData(0);
}
