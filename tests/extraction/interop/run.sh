#!/bin/sh
# LeRobot's own check of a copy with our embeddings. Builds LeRobot's environment (Python 3.12, some 5 GB, 3 minutes)
# in ENV where it is not there, makes a small set and its copy with ours, and leaves the log in docs/results.
#
#     sh tests/extraction/interop/run.sh ENV [PYTHON_OF_SMCREP]
set -e
env=$1
ours=${2:-.venv/bin/python}
here=$(dirname "$0")
version=0.6.1
if [ ! -x "$env/bin/python" ]; then
    python3.12 -m venv "$env"
    "$env/bin/pip" install -q "lerobot[dataset]==$version"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH=. "$ours" "$here/make_copy.py" "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$env/bin/python" "$here/with_lerobot.py" "$work/copy" "$work/policy" 2> "$work/err" > "$work/log" || {
    tail -5 "$work/err"
    exit 1
}
mkdir -p docs/results
sed '1i $ sh tests/extraction/interop/run.sh ENV' "$work/log" | tee docs/results/lerobot_copy.txt
