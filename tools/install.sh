#!/usr/bin/env bash
# Make .venv from requirements.lock, then the workspace's members on top, editable.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "install: Python 3.11 or newer is needed; $("$python" --version) was found (set PYTHON=…)" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
    else
        echo "install: Python's venv module is missing; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv

# uv and the build backend come by pip, with the lock's own hashes; uv installs the rest.
awk '/^[a-z]/ {keep = /^uv(-build)?==/} keep' requirements.lock > .venv/bootstrap.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/bootstrap.txt
export VIRTUAL_ENV="$PWD/.venv"
.venv/bin/uv pip sync --quiet --require-hashes requirements.lock
editable=()
for member in "$@"; do editable+=(-e "$member"); done
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation "${editable[@]}"
