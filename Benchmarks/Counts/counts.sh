#!/usr/bin/env bash
# Instructions of single operations of the engine, counted by valgrind, against their budgets.
# Builds nothing: wants .build/release/kvcounts. Without valgrind it says so and is content.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=.build/release/kvcounts
"$program"
command -v valgrind >/dev/null || { echo "valgrind is not installed: no instructions counted"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# valgrind does not read all of Swift's debug information.
strip -g -o "$work/kvcounts" "$program"

# What a run of REPEATS operations takes in all.
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/kvcounts" "$1" "$2" 2>&1 |
    sed -n 's/.*Collected : //p'
}

status=0
check() {
  local name=$1 few=$2 many=$3 budget=$4
  local count=$((($(instructions "$name" "$many") - $(instructions "$name" "$few")) / (many - few)))
  local verdict=""
  if [ "$count" -gt "$budget" ]; then verdict="  OVER" status=1; fi
  echo "$name: $count instructions, budget $budget$verdict"
}

# A tenth above what was measured when they were set.
check hit 1000 21000 1000
check get 1000 21000 3850
check miss 1000 21000 1350
check seek 1000 21000 7400
check next 20000 400000 220
check put 1000 21000 7700
check batch 16000 160000 3050
exit $status
