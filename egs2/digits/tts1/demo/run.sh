#!/usr/bin/env bash
# Export the demo synthesiser, speak a sentence with onnxruntime, and recognise it with the bundle of ../../asr1/demo.
# usage: run.sh [--python P] [--work DIRECTORY] [--text "one two three"]
set -euo pipefail

demo=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$demo/../../../.." && pwd)
python=python3 work=$root/build/demo text="three one four one five nine"
while [ $# -gt 1 ]; do
    case $1 in
        --python | --work | --text) declare "${1#--}=$2" ;;
        *) break ;;
    esac
    shift 2
done
if [ $# -gt 0 ]; then
    echo "run.sh: unknown option or missing value: $1" >&2
    exit 2
fi
mkdir -p "$work"
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}

echo "== Speech: export, and comparison of every graph with PyTorch"
"$python" -m espnet2.bin.export_onnx \
    --tts_train_config "$demo/exp/tts/config.yaml" --tts_model_file "$demo/exp/tts/train.loss.ave.pth" \
    --output_dir "$work/speech_bundle"

echo "== Synthesis with onnxruntime: $text"
"$python" -m espnet2.bin.tts_inference_onnx --bundle "$work/speech_bundle" "$text" -o "$work/spoken.wav"

if [ -f "$work/bundle/bundle.yaml" ]; then
    echo "== What the recogniser makes of $work/spoken.wav"
    "$python" -m espnet2.bin.asr_inference_onnx --bundle "$work/bundle" "$work/spoken.wav"
fi
