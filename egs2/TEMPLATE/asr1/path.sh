# Sourced from a recipe's directory: paths of the package and of Python.
# shellcheck shell=bash

if [ -z "${MAIN_ROOT:-}" ]; then
    MAIN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
fi
export MAIN_ROOT
export PYTHONPATH=$MAIN_ROOT${PYTHONPATH:+:$PYTHONPATH}
export LC_ALL=C.UTF-8 PYTHONIOENCODING=UTF-8
# Jobs run in parallel, so each uses one thread.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    [ ! -x "$MAIN_ROOT/.venv/bin/python" ] || PYTHON=$MAIN_ROOT/.venv/bin/python
fi
export PYTHON
