/** Parts of a long recording, which are recognised by themselves. */

const HOP = 0.01, SMOOTHED = 5; // seconds between levels; levels that a mean is taken over
const LONGEST = 30, USUAL = 15, SHORTEST = 2; // seconds of a part
const LEAST_PAUSE = 0.15; // seconds
const FLOOR = 0.05, PEAK = 0.95, RISE = 0.5; // quantiles of the levels of noise and speech; speech begins between them
const LEAST_RISE = 6; // dB between them, or pauses cannot be told from speech
const MARGIN = 10; // levels that are left around speech

/** The samples [start, end), and the seconds within which there is speech. */
export interface Part {
  start: number;
  end: number;
  from: number;
  to: number;
}

/** Divide a recording of more than 30 s at pauses, the longest within 15 s each, or where it is quietest. */
export function divide(samples: Float32Array, rate: number): Part[] {
  const hop = Math.round(HOP * rate), level = levels(samples, hop), parts: Part[] = [];
  const isWhole = level.length <= LONGEST / HOP;
  for (let first = 0; first < level.length || parts.length === 0; ) {
    const last = isWhole ? level.length : cut(level, first);
    const [from, to] = spoken(level, first, last);
    const end = last === level.length ? samples.length : last * hop;
    parts.push({ start: first * hop, end, from: (from * hop) / rate, to: Math.min(to * hop, samples.length) / rate });
    first = Math.max(last, 1);
  }
  return parts;
}

/** Levels in dB, one every `hop` samples, smoothed. */
function levels(samples: Float32Array, hop: number): Float32Array {
  const raw = new Float32Array(Math.ceil(samples.length / hop));
  for (let index = 0; index < raw.length; index++) {
    const block = samples.subarray(index * hop, (index + 1) * hop);
    let sum = 0, squares = 0;
    for (const sample of block) (sum += sample), (squares += sample * sample);
    const variance = Math.max(0, squares / block.length - (sum / block.length) ** 2);
    raw[index] = 10 * Math.log10(variance + 1e-10);
  }
  return raw.map((_, index) => {
    const near = raw.subarray(Math.max(0, index - (SMOOTHED >> 1)), index + (SMOOTHED >> 1) + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

/** The level above which there is speech in [first, last); null where it cannot be told from noise. */
function threshold(level: Float32Array, first: number, last: number): number | null {
  const sorted = level.slice(first, last).sort();
  const [floor, peak] = [FLOOR, PEAK].map((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0) as [number, number];
  return peak - floor < LEAST_RISE ? null : floor + RISE * (peak - floor);
}

/** The end of a part that begins at `first`, in levels. */
function cut(level: Float32Array, first: number): number {
  const left = level.length - first, shortest = SHORTEST / HOP, usual = USUAL / HOP;
  if (left <= usual) return level.length;
  const limit = threshold(level, first, first + usual);
  const [a, b] = limit === null ? [0, 0] : longestBelow(level, limit, first + shortest, first + Math.min(usual, left - shortest));
  if (b - a >= LEAST_PAUSE / HOP) return Math.floor((a + b) / 2);
  if (left <= LONGEST / HOP) return level.length;
  let quietest = first + usual;
  for (let index = quietest; index < first + LONGEST / HOP; index++) if (level[index]! < level[quietest]!) quietest = index;
  return quietest;
}

/** The longest run [a, b) of levels below a limit within [from, to). */
function longestBelow(level: Float32Array, limit: number, from: number, to: number): [number, number] {
  let best: [number, number] = [from, from], begin = from;
  for (let index = from; index <= to; index++) {
    if (index < to && level[index]! < limit) continue;
    if (index - begin > best[1] - best[0]) best = [begin, index];
    begin = index + 1;
  }
  return best;
}

/** Where speech begins and ends within [first, last), in levels. */
function spoken(level: Float32Array, first: number, last: number): [number, number] {
  const limit = threshold(level, first, last), part = level.subarray(first, last);
  if (limit === null) return [first, last];
  const begin = part.findIndex((value) => value >= limit), end = part.findLastIndex((value) => value >= limit);
  return [Math.max(first, first + begin - MARGIN), Math.min(last, first + end + MARGIN)];
}
