#!/bin/sh
# LeRobot's own checks of what we write and of what we add to it. Builds LeRobot's environment (Python 3.12, some 7 GB,
# 4 minutes) in ENV where it is not there, with smcrep and its two distributions in it, makes a small set and its copy
# with ours, and leaves the log in docs/results; with MODEL, a trained run, also the closed loop on a task of Meta-World
# (closed_loop.sh, some 25 minutes of one core), whose parts WORK keeps.
#
#     sh tests/extraction/interop/run.sh ENV [MODEL WORK]
set -e
env=$1 model=$2 kept=$3
ours=${PYTHON_OF_SMCREP:-.venv/bin/python}
here=$(dirname "$0")
version=0.6.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -x "$env/bin/python" ] || python3.12 -m venv "$env"
"$env/bin/python" -c 'import lerobot, metaworld, diffusers, accelerate, timm' 2> "$work/err" || {
    "$env/bin/pip" install -q --no-cache-dir "lerobot[dataset,training,diffusion]==$version" metaworld==3.1.1 mujoco==3.3.0
    "$env/bin/pip" install -q --no-cache-dir --no-deps timm roma
}
env=$(realpath "$env")
cp -r smcrep distributions pyproject.toml README.md LICENSE "$work" # a build leaves nothing in the checkout
(cd "$work" && "$env/bin/pip" install -q --no-cache-dir --no-deps . distributions/lerobot_policy_smcrep distributions/lerobot_env_smcrep)
PYTHONPATH=. "$ours" "$here/make_copy.py" "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$env/bin/python" "$here/with_lerobot.py" "$work/copy" "$work/policy" 2> "$work/err" > "$work/log" || {
    tail -5 "$work/err"
    exit 1
}
mkdir -p docs/results
sed '1i $ sh tests/extraction/interop/run.sh ENV' "$work/log" | tee docs/results/lerobot_copy.txt
[ -n "$model" ] || exit 0
sh "$here/closed_loop.sh" "$env" "$model" "$kept" > "$work/closed"
sed '1i $ sh tests/extraction/interop/run.sh ENV MODEL WORK' "$work/closed" | tee docs/results/lerobot_closed_loop.txt
