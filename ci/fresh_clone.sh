#!/usr/bin/env bash
# The README's two commands as a new user runs them: in a clean clone of what is committed, with nothing set up.
# usage: ci/fresh_clone.sh [directory that does not exist yet]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
clone=${1:-$(mktemp -d)/espnet}
git clone --quiet "$root" "$clone"
cd "$clone"
make demo
make test
