#!/usr/bin/env bash
# Make a recipe: setup.sh DIRECTORY (such as ../../mycorpus/asr1, below egs2).
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: setup.sh DIRECTORY" >&2
    exit 2
fi
template=$(cd "$(dirname "$0")" && pwd)
if [ -e "$1/asr.sh" ]; then
    echo "setup.sh: $1: expected a new directory, found one with asr.sh" >&2
    exit 2
fi
if [ "$(realpath -m "$1/../../TEMPLATE/asr1")" != "$(realpath "$template")" ]; then
    echo "setup.sh: $1: expected a directory such as egs2/mycorpus/asr1, found one elsewhere" >&2
    exit 2
fi
mkdir -p "$1/conf" "$1/local"
cd "$1"
for name in asr.sh path.sh db.sh; do
    ln -s "../../TEMPLATE/asr1/$name" "$name"
done
cp "$template/cmd.sh" cmd.sh
echo "made $1; to be written: run.sh, local/data.sh, conf/*.yaml"
