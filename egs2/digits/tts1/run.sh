#!/usr/bin/env bash
# Connected digits: from nothing to a synthesiser, a verified bundle, and the errors that the recogniser of digits makes
# with its speech. No download, no GPU needed.
# usage: run.sh [options of tts.sh]
set -euo pipefail
cd "$(dirname "$0")"
. ./path.sh

# The recogniser that scores: the model of ../asr1/demo, exported once.
asr_bundle=exp/recogniser
if [ ! -f "$asr_bundle/bundle.yaml" ] && [ "${1:-}" != --help ]; then
    demo=$MAIN_ROOT/egs2/digits/asr1/demo/exp
    "$PYTHON" -m espnet2.bin.export_onnx --output_dir "$asr_bundle" --log_level WARNING \
        --asr_train_config "$demo/asr/config.yaml" --asr_model_file "$demo/asr/valid.acc.ave.pth"
fi

exec ./tts.sh \
    --lang en --fs 16000 --n_fft 1024 --n_shift 256 \
    --train_set train --valid_set valid --test_sets test \
    --token_type char --cleaner none --g2p none \
    --teacher_dumpdir data --write_collected_feats true \
    --train_config conf/train_fastspeech2.yaml \
    --asr_bundle "$asr_bundle" \
    "$@"
