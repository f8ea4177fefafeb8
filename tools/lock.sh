#!/usr/bin/env bash
# Compile requirements.lock: universal, with hashes, without any index; the workspace's members are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
leave_out=()
for member in "$@"; do
    name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$member/pyproject.toml" | head -n 1)
    leave_out+=(--no-emit-package "$name")
done
"$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
    --group dev --group bootstrap --no-emit-index-url --no-emit-find-links --no-header --no-annotate "${leave_out[@]}" \
    -o requirements.lock ${LOCK_FLAGS:-} pyproject.toml "${@/%//pyproject.toml}"
