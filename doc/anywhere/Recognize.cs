// Prints the text of a recording: recognize recognizer.onnx tokens.txt recording.wav
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class Recognize
{
    // Options of the search; a graph has those that its search reads.
    static readonly Dictionary<string, float> Options = new Dictionary<string, float>
    {
        ["ctc_weight"] = 0.3f, ["lm_weight"] = 0.5f, ["penalty"] = 0, ["maxlenratio"] = 0, ["minlenratio"] = 0,
        ["normalize_length"] = 0, ["nbest"] = 1,
    };

    // Samples in [-1, 1) of a WAV file of 16 bits and one channel.
    static float[] ReadWav(string path, int rate)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length < 12 || Encoding.ASCII.GetString(bytes, 8, 4) != "WAVE")
            throw new IOException("expected a WAV file");
        for (int at = 12; at + 8 <= bytes.Length;)
        {
            string name = Encoding.ASCII.GetString(bytes, at, 4);
            int size = BitConverter.ToInt32(bytes, at + 4), body = at + 8;
            if (name == "fmt " && (BitConverter.ToInt16(bytes, body + 2) != 1
                || BitConverter.ToInt32(bytes, body + 4) != rate || BitConverter.ToInt16(bytes, body + 14) != 16))
                throw new IOException($"expected one channel of 16 bits at {rate} Hz");
            if (name == "data")
                return Enumerable.Range(0, Math.Min(size, bytes.Length - body) / 2)
                    .Select(i => BitConverter.ToInt16(bytes, body + 2 * i) / 32768f).ToArray();
            at = body + size + size % 2;
        }
        throw new IOException("the WAV file has no samples");
    }

    // The joined pieces of tokens, with spaces for the marks; a line of tokens.txt is a piece and its index.
    static string TextOf(IEnumerable<long> tokens, string[] lines)
    {
        var pieces = tokens.Select(token => lines[token].Substring(0, lines[token].LastIndexOf(' ')));
        return string.Concat(pieces).Replace('\u2581', ' ').Trim();
    }

    static NamedOnnxValue Option(string name, Type type)
    {
        float value = Options[name];
        return type == typeof(float)
            ? NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(new[] { value }, new[] { 1 }))
            : NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(new[] { (long)value }, new[] { 1 }));
    }

    public static int Main(string[] arguments)
    {
        if (arguments.Length != 3)
        {
            Console.Error.WriteLine("usage: recognize recognizer.onnx tokens.txt recording.wav");
            return 2;
        }
        using (var session = new InferenceSession(arguments[0]))
        {
            int rate = int.Parse(session.ModelMetadata.CustomMetadataMap["sample_rate"]);
            float[] samples = ReadWav(arguments[2], rate);
            var speech = new DenseTensor<float>(samples, new[] { 1, samples.Length });
            var lengths = new DenseTensor<long>(new[] { (long)samples.Length }, new[] { 1 });
            var inputs = new List<NamedOnnxValue>
            {
                NamedOnnxValue.CreateFromTensor("speech", speech),
                NamedOnnxValue.CreateFromTensor("speech_lengths", lengths),
            };
            inputs.AddRange(session.InputMetadata.Where(input => !input.Key.StartsWith("speech"))
                .Select(input => Option(input.Key, input.Value.ElementType)));
            using (var results = session.Run(inputs))
            {
                var found = results.ToDictionary(result => result.Name);
                long status = found["status"].AsEnumerable<long>().First();
                if (status != 0)
                {
                    Console.Error.WriteLine($"not recognised, status {status}");
                    return 1;
                }
                // (utterances, hypotheses, tokens): the best hypothesis of the only utterance comes first.
                int count = (int)found["token_lengths"].AsEnumerable<long>().First();
                var tokens = found["token_ids"].AsEnumerable<long>().Take(count);
                Console.WriteLine(TextOf(tokens, File.ReadAllLines(arguments[1])));
            }
        }
        return 0;
    }
}
