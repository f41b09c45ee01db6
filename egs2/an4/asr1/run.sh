#!/usr/bin/env bash
# AN4: spelled words, numbers and commands. local/data.sh downloads the corpus (64 MB) to the place that db.sh names.
set -euo pipefail
cd "$(dirname "$0")"

exec ./asr.sh \
    --lang en \
    --train_set train_nodev --valid_set train_dev --test_sets "train_dev test" \
    --token_type bpe --nbpe 30 \
    --speed_perturb_factors "0.9 1.0 1.1" \
    --lm_config conf/train_lm_transformer.yaml \
    --asr_config conf/train_asr_conformer.yaml \
    --inference_config conf/decode_asr.yaml \
    "$@"
