#!/usr/bin/env bash
# Stage 1: data/{train,valid,test}, synthesised, each with the durations of its letters.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../path.sh
. ./path.sh
# shellcheck source-path=SCRIPTDIR source=../../../TEMPLATE/asr1/parse_options.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/parse_options.sh"

# Options: data
audio=audio   # where synthesised recordings go
hop=256       # samples of a frame
seed=0        # another seed makes other recordings
counts=       # sizes of sets, such as train=100,valid=10,test=10
# End of options

parse_options "$@"
# shellcheck disable=SC2086  # several sizes
"$PYTHON" -m espnet2.bin.prepare_corpus digits_tts --audio "$audio" --data data --hop "$hop" --seed "$seed" --counts ${counts//,/ }
