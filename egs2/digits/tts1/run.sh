#!/usr/bin/env bash
# Connected digits: from nothing to a synthesiser, a verified bundle, and the errors that the recogniser of digits makes
# with its speech. No download, no GPU needed. FastSpeech 2 is trained first; then a HiFi-GAN behind it, by the distance of
# log-mel features, and at last with discriminators.
# usage: run.sh [options of tts.sh]
set -euo pipefail
cd "$(dirname "$0")"
. ./path.sh

asr_bundle=exp/recogniser
fastspeech2=exp/tts_fastspeech2 mel=exp/gan_tts_hifigan_mel
gan=(--tts_task gan_tts --inference_model train.total_count.ave.pth --skip_data_prep true) # data are those of FastSpeech 2
common=(
    --lang en --fs 16000 --n_fft 1024 --n_shift 256 --tts_stats_dir exp/tts_stats
    --train_set train --valid_set valid --test_sets test
    --token_type char --cleaner none --g2p none
    --teacher_dumpdir data --write_collected_feats true
)
case " $* " in *" --help "* | *" -h "*) exec ./tts.sh --help ;; esac

# The recogniser that scores: the model of ../asr1/demo, exported once.
if [ ! -f "$asr_bundle/bundle.yaml" ]; then
    demo=$MAIN_ROOT/egs2/digits/asr1/demo/exp
    "$PYTHON" -m espnet2.bin.export_onnx --output_dir "$asr_bundle" --log_level WARNING \
        --asr_train_config "$demo/asr/config.yaml" --asr_model_file "$demo/asr/valid.acc.ave.pth"
fi

if [ ! -f "$fastspeech2/train.loss.ave.pth" ]; then
    ./tts.sh "${common[@]}" --train_config conf/train_fastspeech2.yaml --tts_exp "$fastspeech2" \
        --skip_eval true --skip_stages 9 "$@"
fi
if [ ! -f "$mel/train.total_count.ave.pth" ]; then
    ./tts.sh "${common[@]}" "${gan[@]}" --train_config conf/train_hifigan_mel.yaml --tts_exp "$mel" \
        --train_args "--init_param $fastspeech2/train.loss.ave.pth:tts:tts.generator.text2mel" \
        --skip_eval true --skip_stages "6 9" "$@" # all share the statistics
fi
exec ./tts.sh "${common[@]}" "${gan[@]}" --train_config conf/train_hifigan.yaml --tts_exp exp/gan_tts_hifigan \
    --train_args "--init_param $mel/train.total_count.ave.pth:tts.generator:tts.generator" \
    --asr_bundle "$asr_bundle" --skip_stages 6 "$@"
