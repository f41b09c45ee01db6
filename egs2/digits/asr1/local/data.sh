#!/usr/bin/env bash
# Stage 1: data/{train,valid,test,lm_train}, synthesised; with --corpus DIR, those of a directory, under names that end
# in _corpus.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../path.sh
. ./path.sh
# shellcheck source-path=SCRIPTDIR source=../../../TEMPLATE/asr1/parse_options.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/parse_options.sh"

# Options: data
corpus=       # directory with data directories train, valid, test_seen, test_unseen and the text lm_train/text
audio=audio   # where synthesised recordings go
nj=2          # recordings at a time
seed=0        # another seed makes other recordings
counts=       # sizes of sets, such as train=100,valid=10,test=10,lm_train=500
# End of options

parse_options "$@"
if [ -n "$corpus" ]; then
    "$PYTHON" -m espnet2.bin.prepare_corpus kaldi --corpus "$corpus" --data data --suffix _corpus \
        --sets train valid test_seen test_unseen
    exit
fi
# shellcheck disable=SC2086  # several sizes
"$PYTHON" -m espnet2.bin.prepare_corpus digits --audio "$audio" --data data --nj "$nj" --seed "$seed" --counts ${counts//,/ }
