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
  outputs: string[];
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
  const declared = metadata.get("interface"), options = metadata.get("options"), rate = metadata.get("sample_rate");
  if (declared === undefined) throw wrong("an ONNX model that was exported by something else");
  const component = JSON.parse(declared);
  if (component.name !== "recognizer" || options === undefined || rate === undefined) {
    throw wrong(`the component "${component.name}" of a bundle`);
  }
  const tokens = metadata.get("tokens");
  return {
    sampleRate: Number(rate),
    search: component.attributes?.search ?? "",
    options: JSON.parse(options),
    optionInputs: component.inputs.slice(2),
    outputs: component.outputs.map((tensor: Tensor) => tensor.name),
    pieces: tokens === undefined ? null : JSON.parse(tokens),
  };
}
