#!/usr/bin/env bash
# Export the demo model, transcribe its recordings with onnxruntime, and print the word error rate.
# usage: run.sh [--python P] [--work DIRECTORY] [--stage 1] [--stop_stage 3]
set -euo pipefail

demo=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$demo/../../../.." && pwd)
python=python3 work=$root/build/demo stage=1 stop_stage=3
while [ $# -gt 1 ]; do
    case $1 in
        --python | --work | --stage | --stop_stage) declare "${1#--}=$2" ;;
        *) break ;;
    esac
    shift 2
done
if [ $# -gt 0 ]; then
    echo "run.sh: unknown option or missing value: $1" >&2
    exit 2
fi
python=$(command -v "$python")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
mkdir -p "$work"
work=$(cd "$work" && pwd)
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
    echo "== Export, and comparison of every graph with PyTorch"
    "$python" -m espnet2.bin.export_onnx \
        --asr_train_config "$demo/exp/asr/config.yaml" --asr_model_file "$demo/exp/asr/valid.acc.ave.pth" \
        --lm_train_config "$demo/exp/lm/config.yaml" --lm_file "$demo/exp/lm/valid.loss.ave.pth" \
        --output_dir "$work/bundle"
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
    echo "== Recognition with onnxruntime"
    cd "$demo"
    "$python" -m espnet2.bin.asr_inference_onnx --bundle "$work/bundle" \
        --data_path_and_name_and_type recordings/wav.scp,speech,sound --output_dir "$work/decode" \
        --beam_size 10 --ctc_weight 0.3 --lm_weight 0.5
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
    echo "== Word errors"
    "$python" "$root/tools/word_errors.py" "$demo/recordings/text" "$work/decode/1best_recog/text"
fi
