/** Words with times, and subtitles of them. */

export interface Word {
  text: string;
  /** Seconds. */
  start: number;
  end: number;
}

export type Cue = Word;

const LONGEST = 6, WIDEST = 84, PAUSE = 1; // of a cue: seconds, characters, seconds between two words

/** The words of tokens with times: a word begins at each `▁`; where no token has one, each token is a word. */
export function words(tokens: readonly string[], times: readonly (readonly [number, number])[]): Word[] {
  const found: Word[] = [], spaced = tokens.some((token) => token.includes("▁"));
  let begins = true;
  tokens.forEach((token, index) => {
    const [start, end] = times[index]!, text = token.replaceAll("▁", " ");
    begins ||= !spaced || text.startsWith(" ");
    if (text.trim() !== "") {
      if (begins) found.push({ text: text.trim(), start, end });
      else Object.assign(found.at(-1)!, { text: found.at(-1)!.text + text.trimEnd(), end });
    }
    begins = text.trim() === "" ? begins : text.endsWith(" ");
  });
  return found;
}

/** Cues of at most 84 characters and 6 s, divided at pauses of 1 s. */
export function cues(all: readonly Word[], separator = " "): Cue[] {
  const found: Cue[] = [];
  for (const word of all) {
    const last = found.at(-1), text = last === undefined ? "" : last.text + separator + word.text;
    const fits = last !== undefined && text.length <= WIDEST && word.end - last.start <= LONGEST;
    if (fits && word.start - last.end < PAUSE) Object.assign(last, { text, end: word.end });
    else found.push({ ...word });
  }
  return found;
}

/** The text of an SRT file. */
export function srt(all: readonly Cue[]): string {
  return all.map((cue, index) => `${index + 1}\n${clock(cue.start)} --> ${clock(cue.end)}\n${cue.text}\n`).join("\n");
}

function clock(seconds: number): string {
  const milliseconds = Math.round(seconds * 1000);
  const parts = [3600000, 60000, 1000].map((unit, index) => Math.floor(milliseconds / unit) % (index ? 60 : 1000));
  return `${parts.map((part) => String(part).padStart(2, "0")).join(":")},${String(milliseconds % 1000).padStart(3, "0")}`;
}
