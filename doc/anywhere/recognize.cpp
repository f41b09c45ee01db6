// Prints the text of a recording: recognize recognizer.onnx tokens.txt recording.wav
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

// Options of the search; a graph has those that its search reads.
const std::map<std::string, float> OPTIONS = {
    {"ctc_weight", 0.3f},  {"lm_weight", 0.5f},   {"penalty", 0.0f}, {"maxlenratio", 0.0f},
    {"minlenratio", 0.0f}, {"normalize_length", 0}, {"nbest", 1}};

template <typename Number>
Number number_at(const std::vector<char>& bytes, size_t place) {
  Number number;
  if (place + sizeof number > bytes.size()) throw std::runtime_error("the WAV file ends too early");
  std::memcpy(&number, &bytes[place], sizeof number);
  return number;
}

// Samples in [-1, 1) of a WAV file of 16 bits and one channel.
std::vector<float> read_wav(const char* path, uint32_t rate) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < 12 || std::memcmp(&bytes[8], "WAVE", 4)) throw std::runtime_error("expected a WAV file");
  for (size_t at = 12; at + 8 <= bytes.size();) {
    auto size = number_at<uint32_t>(bytes, at + 4);
    size_t body = at + 8;
    if (!std::memcmp(&bytes[at], "fmt ", 4) &&
        (number_at<uint16_t>(bytes, body + 2) != 1 || number_at<uint32_t>(bytes, body + 4) != rate ||
         number_at<uint16_t>(bytes, body + 14) != 16))
      throw std::runtime_error("expected one channel of 16 bits at " + std::to_string(rate) + " Hz");
    if (!std::memcmp(&bytes[at], "data", 4)) {
      std::vector<float> samples(std::min<size_t>(size, bytes.size() - body) / 2);
      for (size_t i = 0; i < samples.size(); ++i) samples[i] = number_at<int16_t>(bytes, body + 2 * i) / 32768.0f;
      return samples;
    }
    at = body + size + size % 2;
  }
  throw std::runtime_error("the WAV file has no samples");
}

// Pieces of tokens.txt: a piece and its index a line.
std::vector<std::string> read_tokens(const char* path) {
  std::vector<std::string> pieces;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) pieces.push_back(line.substr(0, line.rfind(' ')));
  return pieces;
}

// The joined pieces, with spaces for the marks.
std::string text_of(const int64_t* tokens, int64_t count, const std::vector<std::string>& pieces) {
  const std::string mark = "\xe2\x96\x81";
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += pieces.at(tokens[i]);
  for (size_t at; (at = text.find(mark)) != std::string::npos;) text.replace(at, mark.size(), " ");
  auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

int run(char** arguments) {
  Ort::Env env(ORT_LOGGING_LEVEL_WARNING);
  Ort::Session session(env, std::filesystem::path(arguments[1]).c_str(), Ort::SessionOptions());
  Ort::AllocatorWithDefaultOptions allocator;
  auto rate = session.GetModelMetadata().LookupCustomMetadataMapAllocated("sample_rate", allocator);
  if (!rate) throw std::runtime_error("the model is no recogniser that is one graph");
  auto samples = read_wav(arguments[3], std::atoi(rate.get()));
  auto pieces = read_tokens(arguments[2]);

  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  int64_t length = samples.size(), shape[] = {1, length}, one[] = {1};
  std::vector<std::string> names = {"speech", "speech_lengths"};
  std::vector<float> floats(session.GetInputCount());
  std::vector<int64_t> integers(session.GetInputCount());
  std::vector<Ort::Value> inputs;
  inputs.push_back(Ort::Value::CreateTensor<float>(memory, samples.data(), length, shape, 2));
  inputs.push_back(Ort::Value::CreateTensor<int64_t>(memory, &length, 1, one, 1));
  for (size_t i = 2; i < session.GetInputCount(); ++i) {
    names.emplace_back(session.GetInputNameAllocated(i, allocator).get());
    auto type = session.GetInputTypeInfo(i).GetTensorTypeAndShapeInfo().GetElementType();
    floats[i] = OPTIONS.at(names[i]);
    integers[i] = static_cast<int64_t>(floats[i]);
    inputs.push_back(type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
                         ? Ort::Value::CreateTensor<float>(memory, &floats[i], 1, one, 1)
                         : Ort::Value::CreateTensor<int64_t>(memory, &integers[i], 1, one, 1));
  }
  std::vector<const char*> input_names;
  for (auto& name : names) input_names.push_back(name.c_str());
  const char* output_names[] = {"token_ids", "token_lengths", "status"};
  auto found = session.Run(Ort::RunOptions(), input_names.data(), inputs.data(), inputs.size(), output_names, 3);

  if (auto status = *found[2].GetTensorData<int64_t>()) {
    std::cerr << "not recognised, status " << status << "\n";
    return 1;
  }
  // Outputs are (utterances, hypotheses, tokens): the first row is the best hypothesis.
  std::cout << text_of(found[0].GetTensorData<int64_t>(), *found[1].GetTensorData<int64_t>(), pieces) << "\n";
  return 0;
}

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: " << arguments[0] << " recognizer.onnx tokens.txt recording.wav\n";
    return 2;
  }
  try {
    return run(arguments);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
