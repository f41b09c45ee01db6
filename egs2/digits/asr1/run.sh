#!/usr/bin/env bash
# Connected digits: from nothing to a recogniser, a verified bundle and RESULTS.md. No download, no GPU needed.
# usage: run.sh [--corpus DIR] [options of asr.sh]
#   --corpus DIR   real recordings, laid out as README.md says, instead of synthesised ones
set -euo pipefail

corpus=
options=()
while [ $# -gt 0 ]; do
    case $1 in
        --corpus=*) set -- --corpus "${1#*=}" "${@:2}" ;;&
        --corpus | --corpus=*)
            corpus=$(realpath -e -- "${2:-}" 2>/dev/null) || corpus=
            if [ ! -d "$corpus" ] || [[ $corpus == *[[:space:]]* ]]; then
                echo "run.sh: --corpus: expected a directory without blanks in its path, found '${2:-}'" >&2
                exit 2
            fi
            shift 2
            ;;
        *)
            options+=("$1")
            shift
            ;;
    esac
done
cd "$(dirname "$0")"

# Recordings of people and synthesised ones have their own data and models.
test_sets="test"
data_options=
tag=
asr_args=
if [ -n "$corpus" ]; then
    test_sets="test_seen test_unseen"
    data_options="--corpus $corpus"
    tag=_corpus
    asr_args="--max_epoch 30" # there are half as many recordings
fi

exec ./asr.sh \
    --lang "en$tag" \
    --train_set "train$tag" --valid_set "valid$tag" --test_sets "${test_sets// /$tag }$tag" \
    --local_data_opts "$data_options" \
    --dumpdir "dump$tag" --expdir "exp$tag" \
    --token_type bpe --nbpe 30 --bpe_options "{max_sentencepiece_length: 4, normalization_rule_name: identity}" \
    --lm_train_text "data/lm_train$tag/text" --lm_config conf/train_lm_transformer.yaml \
    --asr_config conf/train_asr_conformer.yaml --asr_args "$asr_args" \
    --inference_config conf/decode_asr.yaml \
    ${options[@]+"${options[@]}"}
