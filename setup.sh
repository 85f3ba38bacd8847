#!/bin/sh
# Everything that `make demo` and `make test` stand on. Says what it does; does nothing where nothing is missing.
set -eu
cd "$(dirname "$0")"
say() { echo "setup: $*"; }

# 1. A Python of a supported version (PYTHON=... chooses one).
python=""
for candidate in ${PYTHON:-} python3.12 python3.13 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "no Python 3.11, 3.12 or 3.13 found; install one (Debian 12, Ubuntu 24.04: apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python make setup"
    exit 1
fi

# 2. System packages: shared libraries that Open3D links, and venv where Debian split it from Python.
packages=""
if [ "$(uname -s)" = Linux ]; then
    libraries=$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null || true)
    for pair in libusb-1.0.so.0=libusb-1.0-0 libGL.so.1=libgl1 libEGL.so.1=libegl1 libX11.so.6=libx11-6 libgomp.so.1=libgomp1 libidn2.so.0=libidn2-0; do
        case "$libraries" in *"${pair%=*}"*) ;; *) packages="$packages ${pair#*=}" ;; esac
    done
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        packages="$packages $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
if [ -n "$packages" ]; then
    root=""
    [ "$(id -u)" = 0 ] || root="sudo -n"
    if command -v apt-get >/dev/null && $root true 2>/dev/null; then
        say "installing system packages:$packages"
        $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    else
        say "missing system packages; run this once, then again: sudo apt-get install -y$packages"
        exit 1
    fi
fi

# 3. The virtual environment, made again only when pyproject.toml or the Python changed.
stamp=$( { cat pyproject.toml; "$python" -V; } | cksum | cut -d' ' -f1)
if [ -x .venv/bin/python ] && [ "$(cat .venv/smcrep-stamp 2>/dev/null)" = "$stamp" ]; then
    say ".venv is up to date ($(.venv/bin/python -V))"
    exit 0
fi
begun=$(date +%s)
[ -x .venv/bin/python ] || { say "making .venv with $("$python" -V)"; "$python" -m venv .venv; }
say "installing smcrep[all] into .venv (PyTorch and Open3D are large: some minutes on a first run)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".[all]" || {
    say "pip failed; if it named an unreachable index, set PIP_INDEX_URL to yours and run again"
    exit 1
}
minutes=$(awk "BEGIN {printf \"%.2f\", ($(date +%s) - $begun) / 60}")
echo "$minutes" >.venv/setup-minutes
echo "$stamp" >.venv/smcrep-stamp
say "ready after $minutes minutes"
