#!/usr/bin/env bash
# Points real Bigtable clients at a server and runs the programs of this folder: make test-clients.
#
#   run.sh VENVS BIN [PROGRAM...]    BIN has kvserver; all programs without PROGRAM
#
# Clients come from PyPI, each into an environment of its own, VENVS/NAME, since they want
# different versions of what they share. One that is there already (a link will do) is used as it
# is. A program whose client cannot be had says so and is skipped.
set -euo pipefail
mkdir -p "$1"
venvs=$(realpath "$1") bin=$(realpath "$2")
shift 2
cd "$(dirname "$0")"
work=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then { kill "$server"; wait "$server"; } 2>/dev/null || true; fi
  rm -rf "$work"
}
trap stop EXIT

# environment NAME IMPORTS PACKAGES...: makes VENVS/NAME unless it has what is imported.
environment() {
  local venv=$venvs/$1 imports=$2
  shift 2
  if "$venv/bin/python" -c "import $imports" 2>/dev/null; then return; fi
  echo "installing $*"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 0
  timeout 1200 "$venv/bin/pip" install -q "$@" || echo "not installed: $*"
}

# program FILE NAME: runs it with its client. Its log is shown if it fails.
program() {
  local python=$venvs/$2/bin/python began=$SECONDS
  echo "== $1"
  if [ "$2" != none ] && [ ! -x "$python" ]; then
    echo "skipped: there is no Python environment for it"
    return
  fi
  case $1 in
    *.sh) timeout 300 "./$1" ;;
    *) timeout 300 "$python" -W ignore "$1" 2>"$work/errors" ;;
  esac && return
  echo "== $1 ended with $? after $((SECONDS - began)) s"
  grep -v "Error in Bigtable Metrics" "$work/errors" | tail -n 20 || true
  status=1
}

wanted() { [ ${#chosen[@]} = 0 ] || [[ " ${chosen[*]} " == *" $1 "* ]]; }

"$bin/kvserver" --data-dir "$work/data" --http none --tcp none --grpc 127.0.0.1:0 \
  >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 100); do grep -q ready "$work/out" && break; sleep 0.1; done
grep -q ready "$work/out" || { cat "$work/log"; exit 1; }
BIGTABLE_EMULATOR_HOST=$(sed -n 's/^listening grpc=//p' "$work/out")
export BIGTABLE_EMULATOR_HOST

chosen=("$@")
status=0
while read -r file name imports packages; do
  wanted "$file" || continue
  : >"$work/errors"
  # shellcheck disable=SC2086  # several packages
  [ "$name" = none ] || environment "$name" "$imports" $packages
  program "$file" "$name" </dev/null
done <<'PROGRAMS'
python_client.py python google.cloud.bigtable.data google-cloud-bigtable
python_data.py python google.cloud.bigtable.data google-cloud-bigtable
python_filters.py python google.cloud.bigtable.data google-cloud-bigtable
python_admin.py python google.cloud.bigtable.data google-cloud-bigtable
differential_client.py python google.cloud.bigtable.data google-cloud-bigtable
beam_client.py beam apache_beam,google.cloud.bigtable apache-beam[gcp]
feast_client.py feast feast,google.cloud.bigtable feast[gcp]
happybase_client.py happybase google.cloud.happybase google-cloud-happybase six
cbt.sh none
PROGRAMS
exit $status
