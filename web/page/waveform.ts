/** Draw peaks, one a pixel; `played` and the places that get a mark are shares of the width. */
export function drawWaveform(canvas: HTMLCanvasElement, peaks: Float32Array, marks: number[], played: number): void {
  const { clientWidth: width, clientHeight: height } = canvas, scale = devicePixelRatio;
  const context = canvas.getContext("2d");
  if (context === null) return;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  context.scale(scale, scale);
  const style = getComputedStyle(canvas), color = (name: string) => style.getPropertyValue(name).trim();
  const loudest = Math.max(0.05, ...peaks);
  peaks.forEach((peak, x) => {
    const half = Math.max(0.5, (peak / loudest) * (height / 2 - 2));
    context.fillStyle = color(x < played * width ? "--accent" : "--wave");
    context.fillRect(x, height / 2 - half, 1, 2 * half);
  });
  context.fillStyle = color("--soft");
  for (const mark of marks) context.fillRect(Math.round(mark * width), height - 6, 1, 6);
}

/** The largest magnitude in each of `count` stretches. */
export function peaksOf(samples: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    const first = Math.floor((index * samples.length) / count), last = Math.floor(((index + 1) * samples.length) / count);
    let peak = 0;
    for (let at = first; at < last; at++) peak = Math.max(peak, Math.abs(samples[at]!));
    return Number.isFinite(peak) ? peak : 0;
  });
}
