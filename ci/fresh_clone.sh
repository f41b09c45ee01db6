#!/usr/bin/env bash
# Run the README's commands as a new user: in a clean clone of the committed state, without any set-up.
# usage: ci/fresh_clone.sh [directory that does not exist yet] [options of egs2/digits/asr1/run.sh, such as those of SMALL]
set -euo pipefail
SMALL=(
    --local_data_opts "--counts train=120,valid=20,test=20,lm_train=400"
    --asr_args "--max_epoch 2" --lm_args "--max_epoch 1"
)
root=$(cd "$(dirname "$0")/.." && pwd)
clone=${1:-$(mktemp -d)/espnet}
[ $# -gt 1 ] || set -- "$clone" "${SMALL[@]}"
git clone --quiet "$root" "$clone"
cd "$clone"
make demo

# An environment as in the README, with the packages for training only.
environment=$(mktemp -d)
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet ".[train]"
(cd egs2/digits/asr1 && PYTHON=$environment/bin/python ./run.sh "${@:2}")

make test
