import { divide } from "./parts.js";
import type { Recognition, Status } from "./recognizer.js";
import { cues, words, type Cue, type Word } from "./subtitles.js";

/** The text of a recording. */
export interface Transcript {
  text: string;
  /** Words with times; null where the search gives none. */
  words: Word[] | null;
  /** Subtitles: of words, or else one for each part that was recognised by itself. */
  cues: Cue[];
  /** "recognized", or why some part has no text. */
  status: Status;
}

type Recognize = (samples: Float32Array) => Promise<Recognition>;

/**
 * Recognise a recording of any length, in parts of at most 30 s.
 *
 * `onPart` is called after each part with the text up to there, and with the share of the recording that is done.
 */
export async function transcribe(
  recognize: Recognize,
  samples: Float32Array,
  rate: number,
  onPart: (text: string, share: number) => void = () => undefined,
): Promise<Transcript> {
  const parts = divide(samples, rate), lines: Cue[] = [], timed: Word[] = [];
  let status: Status = "recognized", hasTimes = true, separator = "";
  for (const { start, end, from, to } of parts) {
    const part = samples.subarray(start, end);
    if (parts.length > 1 && part.every((sample) => sample === 0)) continue;
    const found = await recognize(part);
    if (found.status !== "recognized") status = found.status;
    else if (found.tokens.some((token) => token.includes("▁"))) separator = " ";
    const text = found.text ?? found.tokens.join(" ");
    if (text !== "") {
      lines.push({ text, start: from, end: to });
      hasTimes &&= found.times !== null;
      const spoken = found.times === null ? [] : words(found.tokens, found.times);
      timed.push(...spoken.map((word) => moved(word, start / rate)));
    }
    onPart(lines.map((line) => line.text).join(separator), end / Math.max(samples.length, 1));
  }
  return {
    text: lines.map((line) => line.text).join(separator),
    words: hasTimes ? timed : null,
    cues: hasTimes ? cues(timed, separator) : lines,
    status,
  };
}

function moved(word: Word, seconds: number): Word {
  return { text: word.text, start: word.start + seconds, end: word.end + seconds };
}
