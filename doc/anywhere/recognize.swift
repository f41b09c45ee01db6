// Prints the text of a recording: recognize recognizer.onnx tokens.txt recording.wav
import Foundation
import OnnxRuntimeBindings

// The model's rate; onnxruntime's API for Swift does not give a model's metadata.
let rate: UInt32 = 16000
// Options of the search; a graph has those that its search reads.
let floats: [String: Float] = [
    "ctc_weight": 0.3, "lm_weight": 0.5, "penalty": 0, "maxlenratio": 0, "minlenratio": 0,
]
let integers: [String: Int64] = ["normalize_length": 0, "nbest": 1]

struct Failure: LocalizedError {
    let errorDescription: String?
    init(_ sentence: String) { errorDescription = sentence }
}

func number<Number: FixedWidthInteger>(_ bytes: Data, _ place: Int) throws -> Number {
    guard place + MemoryLayout<Number>.size <= bytes.count else { throw Failure("the WAV file ends too early") }
    return bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Number.self)) }
}

/// Samples in [-1, 1) of a WAV file of 16 bits and one channel.
func readWav(_ path: String) throws -> [Float] {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    guard bytes.count >= 12, bytes[8..<12].elementsEqual("WAVE".utf8) else { throw Failure("expected a WAV file") }
    var at = 12
    while at + 8 <= bytes.count {
        let name = String(decoding: bytes[at..<at + 4], as: UTF8.self)
        let size = Int(try number(bytes, at + 4) as UInt32)
        let body = at + 8
        if name == "fmt " {
            let channels: UInt16 = try number(bytes, body + 2), bits: UInt16 = try number(bytes, body + 14)
            guard channels == 1, bits == 16, try number(bytes, body + 4) as UInt32 == rate else {
                throw Failure("expected one channel of 16 bits at \(rate) Hz")
            }
        }
        if name == "data" {
            let count = min(size, bytes.count - body) / 2
            return try (0..<count).map { Float(try number(bytes, body + 2 * $0) as Int16) / 32768 }
        }
        at = body + size + size % 2
    }
    throw Failure("the WAV file has no samples")
}

func tensor<Number>(_ values: [Number], _ type: ORTTensorElementDataType, _ shape: [Int]) throws -> ORTValue {
    let data = values.withUnsafeBytes { NSMutableData(bytes: $0.baseAddress, length: $0.count) }
    return try ORTValue(tensorData: data, elementType: type, shape: shape.map { NSNumber(value: $0) })
}

func numbers(_ value: ORTValue?) throws -> [Int64] {
    guard let value else { throw Failure("the model is no recogniser that is one graph") }
    let data = try value.tensorData() as Data
    return data.withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
}

/// The joined pieces of tokens, with spaces for the marks; a line of tokens.txt is a piece and its index.
func text(_ tokens: ArraySlice<Int64>, _ lines: [Substring]) -> String {
    let pieces = tokens.map { lines[Int($0)].prefix(upTo: lines[Int($0)].lastIndex(of: " ")!) }
    return pieces.joined().replacingOccurrences(of: "\u{2581}", with: " ").trimmingCharacters(in: .whitespaces)
}

let arguments = CommandLine.arguments
guard arguments.count == 4 else { fatalError("usage: recognize recognizer.onnx tokens.txt recording.wav") }
let lines = try String(contentsOfFile: arguments[2], encoding: .utf8).split(separator: "\n")
let samples = try readWav(arguments[3])
let session = try ORTSession(env: ORTEnv(loggingLevel: .warning), modelPath: arguments[1], sessionOptions: nil)
var inputs = [
    "speech": try tensor(samples, .float, [1, samples.count]),
    "speech_lengths": try tensor([Int64(samples.count)], .int64, [1]),
]
for name in try session.inputNames() where inputs[name] == nil {
    if let value = floats[name] { inputs[name] = try tensor([value], .float, [1]) }
    if let value = integers[name] { inputs[name] = try tensor([value], .int64, [1]) }
}
let names: Set<String> = ["token_ids", "token_lengths", "status"]
let found = try session.run(withInputs: inputs, outputNames: names, runOptions: nil)
let status = try numbers(found["status"])[0]
guard status == 0 else { fatalError("not recognised, status \(status)") }
// (utterances, hypotheses, tokens): the best hypothesis of the only utterance comes first.
let count = Int(try numbers(found["token_lengths"])[0])
print(text(try numbers(found["token_ids"]).prefix(count), lines))
