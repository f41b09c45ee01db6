import { readMetadata } from "./metadata.js";

/** A file that is no recogniser as one graph; the message says what it is instead. */
export class ModelError extends Error {
  override name = "ModelError";
}

export type OptionValue = number | boolean;
export type Options = Record<string, OptionValue>;

/** An input or output as the exporter declares it. */
export interface Tensor {
  name: string;
  axes: (string | number)[];
  dtype: "float32" | "int64" | "bool";
}

/** Facts about a recogniser that its file holds. */
export interface Description {
  sampleRate: number;
  search: string;
  /** Defaults of the inputs that are options. */
  options: Options;
  /** The inputs that are options. */
  optionInputs: Tensor[];
  /** The piece of each token; null where texts are no join of pieces. */
  pieces: string[] | null;
}

const EXPECTED = "expected a recogniser as one graph (recognizer.onnx, written by export_onnx --one_graph true)";

/** Describe the file `name`; throw a `ModelError` for one of another kind. */
export function describe(model: Uint8Array, name: string): Description {
  const wrong = (found: string): ModelError => new ModelError(`${name}: ${EXPECTED}, found ${found}`);
  let metadata: Map<string, string>;
  try {
    metadata = readMetadata(model);
  } catch {
    throw wrong("a file that is not ONNX");
  }
  if (!metadata.has("interface")) throw wrong("an ONNX model that was exported by something else");
  const read = (key: string) => JSON.parse(metadata.get(key) ?? "null");
  try {
    const component = read("interface"), sampleRate = Number(read("sample_rate"));
    if (component.name !== "recognizer") throw wrong(`the component "${component.name}" of a bundle`);
    const optionInputs: Tensor[] = component.inputs.slice(2), options: Options = read("options");
    const isComplete = sampleRate > 0 && optionInputs.every((tensor) => tensor.name in options);
    if (!isComplete) throw new RangeError("there is no rate, or an option without a default");
    return { sampleRate, search: component.attributes?.search ?? "", options, optionInputs, pieces: read("tokens") };
  } catch (error) {
    throw error instanceof ModelError ? error : wrong("other metadata");
  }
}
