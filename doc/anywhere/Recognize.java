// Prints the text of a recording: java Recognize recognizer.onnx tokens.txt recording.wav
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

public class Recognize {
    /** Options of the search; a graph has those that its search reads. */
    static final Map<String, Float> OPTIONS = Map.of(
            "ctc_weight", 0.3f, "lm_weight", 0.5f, "penalty", 0f, "maxlenratio", 0f, "minlenratio", 0f,
            "normalize_length", 0f, "nbest", 1f);

    /** Samples in [-1, 1) of a WAV file of 16 bits and one channel. */
    static float[] readWav(Path path, int rate) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.limit() < 12 || bytes.getInt(8) != 0x45564157) { // "WAVE"
            throw new IOException("expected a WAV file");
        }
        for (int at = 12; at + 8 <= bytes.limit(); ) {
            int name = bytes.getInt(at), size = bytes.getInt(at + 4), body = at + 8;
            boolean isFormat = name == 0x20746d66; // "fmt "
            if (isFormat && (bytes.getShort(body + 2) != 1 || bytes.getInt(body + 4) != rate
                    || bytes.getShort(body + 14) != 16)) {
                throw new IOException("expected one channel of 16 bits at " + rate + " Hz");
            }
            if (name == 0x61746164) { // "data"
                float[] samples = new float[Math.min(size, bytes.limit() - body) / 2];
                for (int i = 0; i < samples.length; i++) {
                    samples[i] = bytes.getShort(body + 2 * i) / 32768f;
                }
                return samples;
            }
            at = body + size + size % 2;
        }
        throw new IOException("the WAV file has no samples");
    }

    /** The joined pieces of tokens, with spaces for the marks. */
    static String textOf(long[] tokens, long count, List<String> lines) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            String line = lines.get((int) tokens[i]); // a piece and its index
            text.append(line, 0, line.lastIndexOf(' '));
        }
        return text.toString().replace('\u2581', ' ').strip();
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 3) {
            System.err.println("usage: java Recognize recognizer.onnx tokens.txt recording.wav");
            System.exit(2);
        }
        List<String> lines = Files.readAllLines(Path.of(arguments[1]));
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(arguments[0], new OrtSession.SessionOptions())) {
            int rate = Integer.parseInt(session.getMetadata().getCustomMetadata().get("sample_rate"));
            float[] samples = readWav(Path.of(arguments[2]), rate);

            Map<String, OnnxTensor> inputs = new HashMap<>();
            long[] shape = {1, samples.length};
            inputs.put("speech", OnnxTensor.createTensor(environment, FloatBuffer.wrap(samples), shape));
            inputs.put("speech_lengths", OnnxTensor.createTensor(environment, new long[] {samples.length}));
            for (var input : session.getInputInfo().entrySet()) {
                if (inputs.containsKey(input.getKey())) {
                    continue;
                }
                float value = OPTIONS.get(input.getKey());
                boolean isFloat = ((TensorInfo) input.getValue().getInfo()).type == OnnxJavaType.FLOAT;
                Object array = isFloat ? new float[] {value} : new long[] {(long) value};
                inputs.put(input.getKey(), OnnxTensor.createTensor(environment, array));
            }
            try (OrtSession.Result found = session.run(inputs)) {
                long status = ((long[]) found.get("status").orElseThrow().getValue())[0];
                if (status != 0) {
                    System.err.println("not recognised, status " + status);
                    System.exit(1);
                }
                // (utterances, hypotheses, tokens): the best hypothesis of the only utterance.
                long[][][] tokens = (long[][][]) found.get("token_ids").orElseThrow().getValue();
                long[][] counts = (long[][]) found.get("token_lengths").orElseThrow().getValue();
                System.out.println(textOf(tokens[0][0], counts[0][0], lines));
            } finally {
                inputs.values().forEach(OnnxTensor::close);
            }
        }
    }
}
