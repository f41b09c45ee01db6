/** Metadata of an ONNX file, which no JavaScript build of onnxruntime returns. */

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;
// Fields of `ModelProto` and of `StringStringEntryProto` in onnx.proto.
const IR_VERSION = 1, METADATA = 14, KEY = 1;

type Field = { number: number; value: number | Uint8Array };

/** Fields of one protobuf message; the contents of messages in it are left as bytes. */
function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    // Products instead of shifts: lengths of large graphs exceed the 32 bits of a shift.
    for (let value = 0, factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError("the file ends within a number");
  };
  while (at < bytes.length) {
    const tag = varint(), number = Math.floor(tag / 8), type = tag % 8;
    if (type === VARINT) {
      yield { number, value: varint() };
      continue;
    }
    const size = { [FIXED64]: 8, [BYTES]: -1, [FIXED32]: 4 }[type];
    if (size === undefined || number === 0) throw new RangeError("there is no such field");
    const end = (size < 0 ? varint() : size) + at;
    if (end > bytes.length) throw new RangeError("the file ends within a field");
    yield { number, value: bytes.subarray(at, end) };
    at = end;
  }
}

/**
 * The entries of `metadata_props` of an ONNX file.
 *
 * @throws {RangeError} for bytes that are no ONNX file.
 */
export function readMetadata(model: Uint8Array): Map<string, string> {
  const found = new Map<string, string>(), decoder = new TextDecoder();
  let isModel = false;
  for (const { number, value } of fields(model)) {
    isModel ||= number === IR_VERSION && typeof value === "number";
    if (number !== METADATA || typeof value === "number") continue;
    const entry = ["", ""];
    for (const part of fields(value)) {
      if (typeof part.value !== "number") entry[part.number - KEY] = decoder.decode(part.value);
    }
    found.set(entry[0]!, entry[1]!);
  }
  if (!isModel) throw new RangeError("there is no version of ONNX");
  return found;
}
