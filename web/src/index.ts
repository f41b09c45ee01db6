export * from "./recognizer.js";
export { readAudio } from "#audio";
export { cues, srt, words, type Cue, type Word } from "./subtitles.js";
export { StreamRecognizer, type Locate, type StreamSettings, type StreamText } from "./stream.js";
export { divide, type Part } from "./parts.js";
export { transcribe, type Transcript } from "./transcribe.js";
