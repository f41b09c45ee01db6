#!/usr/bin/env bash
# Make a recipe of the template in whose directory this is called: setup.sh DIRECTORY (such as ../../mycorpus/asr1).
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: setup.sh DIRECTORY" >&2
    exit 2
fi
template=$(cd "$(dirname "$0")" && pwd)
kind=$(basename "$template") # asr1, tts1
script=${kind%1}.sh
if [ -e "$1/$script" ]; then
    echo "setup.sh: $1: expected a new directory, found one with $script" >&2
    exit 2
fi
if [ "$(realpath -m "$1/../../TEMPLATE/$kind")" != "$(realpath "$template")" ]; then
    echo "setup.sh: $1: expected a directory such as egs2/mycorpus/$kind, found one elsewhere" >&2
    exit 2
fi
mkdir -p "$1/conf" "$1/local"
cd "$1"
for name in "$script" path.sh db.sh; do
    ln -s "../../TEMPLATE/$kind/$name" "$name"
done
cp "$template/cmd.sh" cmd.sh
echo "made $1; to be written: run.sh, local/data.sh, conf/*.yaml"
