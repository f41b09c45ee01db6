/** A file that is ONNX by its metadata alone. */
export function model(metadata) {
  const entries = Object.entries(metadata).map((entry) => field(14, Buffer.concat(entry.map((text, at) => field(at + 1, Buffer.from(text))))));
  return new Uint8Array(Buffer.concat([Buffer.from([0x08, 10]), field(7, Buffer.alloc(300)), ...entries]));
}

function field(number, content) {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}
