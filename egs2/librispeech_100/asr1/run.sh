#!/usr/bin/env bash
# LibriSpeech, trained on its 100 hours of clean speech. db.sh names the place of the corpus.
#   --asr_config conf/train_asr_e_branchformer.yaml takes the E-Branchformer
set -euo pipefail
cd "$(dirname "$0")"

exec ./asr.sh \
    --lang en \
    --ngpu 1 --nj 16 --inference_nj 16 \
    --train_set train_clean_100 --valid_set dev --test_sets "dev_clean dev_other test_clean test_other" \
    --max_wav_duration 30 \
    --speed_perturb_factors "0.9 1.0 1.1" \
    --token_type bpe --nbpe 5000 \
    --lm_config conf/train_lm_transformer.yaml \
    --asr_config conf/train_asr_conformer.yaml \
    --inference_config conf/decode_asr.yaml \
    "$@"
