#!/usr/bin/env bash
# Points real Bigtable clients at a server and runs every program of this folder: make test-clients.
# They are installed from PyPI into $1; $2 is the folder with kvserver.
set -euo pipefail
mkdir -p "$1"
venv=$(realpath "$1") bin=$(realpath "$2")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install -q google-cloud-bigtable ||
  echo "not installed: programs that need them say so and are skipped"

"$bin/kvserver" --data-dir "$work/data" --http none --tcp none --grpc 127.0.0.1:0 >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 100); do grep -q ready "$work/out" && break; sleep 0.1; done
grep -q ready "$work/out" || { cat "$work/log"; exit 1; }
BIGTABLE_EMULATOR_HOST=$(sed -n 's/^listening grpc=//p' "$work/out")
export BIGTABLE_EMULATOR_HOST

status=0
for program in *.py; do
  echo "== $program"
  "$venv/bin/python" -W ignore "$program" || status=1
done
exit $status
