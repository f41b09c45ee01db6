// Prints the text of a recording: recognize recognizer.onnx tokens.txt recording.wav
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Options of the search; a graph has those that its search reads.
var options = map[string]float32{
	"ctc_weight": 0.3, "lm_weight": 0.5, "penalty": 0, "maxlenratio": 0, "minlenratio": 0,
	"normalize_length": 0, "nbest": 1,
}

// readWav returns samples in [-1, 1) of a WAV file of 16 bits and one channel.
func readWav(path string, rate uint32) ([]float32, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(bytes) < 12 || string(bytes[8:12]) != "WAVE" {
		return nil, errors.New("expected a WAV file")
	}
	little := binary.LittleEndian
	for at := 12; at+8 <= len(bytes); {
		name, size, body := string(bytes[at:at+4]), int(little.Uint32(bytes[at+4:])), bytes[at+8:]
		if size > len(body) {
			size = len(body)
		}
		if name == "fmt " && (size < 16 || little.Uint16(body[2:]) != 1 || little.Uint32(body[4:]) != rate ||
			little.Uint16(body[14:]) != 16) {
			return nil, fmt.Errorf("expected one channel of 16 bits at %d Hz", rate)
		}
		if name == "data" {
			samples := make([]float32, size/2)
			for i := range samples {
				samples[i] = float32(int16(little.Uint16(body[2*i:]))) / 32768
			}
			return samples, nil
		}
		at += 8 + size + size%2
	}
	return nil, errors.New("the WAV file has no samples")
}

// textOf joins the pieces of tokens, with spaces for the marks; a line of the table is a piece and its index.
func textOf(tokens []int64, table string) string {
	lines := strings.Split(table, "\n")
	var text strings.Builder
	for _, token := range tokens {
		text.WriteString(lines[token][:strings.LastIndex(lines[token], " ")])
	}
	return strings.TrimSpace(strings.ReplaceAll(text.String(), "\u2581", " "))
}

// option returns the tensor of an option as the graph wants it.
func option(input ort.InputOutputInfo) (ort.Value, error) {
	value := options[input.Name]
	if input.DataType == ort.TensorElementDataTypeFloat {
		return ort.NewTensor(ort.NewShape(1), []float32{value})
	}
	return ort.NewTensor(ort.NewShape(1), []int64{int64(value)})
}

func run(model, tokens, recording string) (string, error) {
	metadata, err := ort.GetModelMetadata(model)
	if err != nil {
		return "", err
	}
	found, _, err := metadata.LookupCustomMetadataMap("sample_rate")
	if err != nil {
		return "", err
	}
	rate, err := strconv.ParseUint(found, 10, 32)
	if err != nil {
		return "", errors.New("the model is no recogniser that is one graph")
	}
	samples, err := readWav(recording, uint32(rate))
	if err != nil {
		return "", err
	}
	known, _, err := ort.GetInputOutputInfo(model)
	if err != nil {
		return "", err
	}
	length := int64(len(samples))
	speech, err := ort.NewTensor(ort.NewShape(1, length), samples)
	if err != nil {
		return "", err
	}
	lengths, err := ort.NewTensor(ort.NewShape(1), []int64{length})
	if err != nil {
		return "", err
	}
	names, inputs := []string{"speech", "speech_lengths"}, []ort.Value{speech, lengths}
	for _, input := range known[2:] {
		value, err := option(input)
		if err != nil {
			return "", err
		}
		names, inputs = append(names, input.Name), append(inputs, value)
	}
	outputs := []string{"token_ids", "token_lengths", "status"}
	session, err := ort.NewDynamicAdvancedSession(model, names, outputs, nil)
	if err != nil {
		return "", err
	}
	defer session.Destroy()
	results := make([]ort.Value, len(outputs)) // made by Run, since their sizes are not known
	if err := session.Run(inputs, results); err != nil {
		return "", err
	}
	numbers := func(i int) []int64 { return results[i].(*ort.Tensor[int64]).GetData() }
	if status := numbers(2)[0]; status != 0 {
		return "", fmt.Errorf("not recognised, status %d", status)
	}
	table, err := os.ReadFile(tokens)
	// (utterances, hypotheses, tokens): the best hypothesis of the only utterance comes first.
	return textOf(numbers(0)[:numbers(1)[0]], string(table)), err
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: recognize recognizer.onnx tokens.txt recording.wav")
	}
	if library := os.Getenv("ONNXRUNTIME_LIBRARY"); library != "" {
		ort.SetSharedLibraryPath(library)
	}
	if err := ort.InitializeEnvironment(); err != nil {
		log.Fatal(err)
	}
	defer ort.DestroyEnvironment()
	text, err := run(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
}
