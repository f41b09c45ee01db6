#!/usr/bin/env bash
# Stage 1: data/{train_clean_100,dev_clean,dev_other,test_clean,test_other,dev}; parts that are not where db.sh says are
# downloaded (train-clean-100 is 6 GB).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../path.sh
. ./path.sh
# shellcheck source-path=SCRIPTDIR source=../db.sh
. ./db.sh
# shellcheck source-path=SCRIPTDIR source=../../../TEMPLATE/asr1/parse_options.sh
. "$MAIN_ROOT/egs2/TEMPLATE/asr1/parse_options.sh"

# Options: data
corpus=$LIBRISPEECH   # directory that holds LibriSpeech
url=$LIBRISPEECH_URL  # where its parts are downloaded from
parts="train-clean-100 dev-clean dev-other test-clean test-other"
# End of options

parse_options "$@"
read -r -a names <<<"$parts"
for part in "${names[@]}"; do
    "$PYTHON" -m espnet2.bin.prepare_corpus download --url "$url/$part.tar.gz" --directory "$corpus" \
        --holds "LibriSpeech/$part"
done
"$PYTHON" -m espnet2.bin.prepare_corpus librispeech --corpus "$corpus" --data data --parts "${names[@]}"
"$PYTHON" -m espnet2.bin.recipe combine data/dev_clean data/dev_other --output_dir data/dev
