#!/usr/bin/env bash
# Stage 1: data/{train_nodev,train_dev,test} of AN4, downloaded where db.sh says if it is not there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../path.sh
. ./path.sh
# shellcheck source-path=SCRIPTDIR source=../db.sh
. ./db.sh
# shellcheck source-path=SCRIPTDIR source=../../../TEMPLATE/asr1/parse_options.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/parse_options.sh"

# Options: data
corpus=$AN4   # directory that holds an4
url=$AN4_URL  # where it is downloaded from
# End of options

parse_options "$@"
"$PYTHON" -m espnet2.bin.prepare_corpus download --url "$url" --directory "$corpus" --holds an4/etc/an4_train.fileids
"$PYTHON" -m espnet2.bin.prepare_corpus an4 --corpus "$corpus" --data data
