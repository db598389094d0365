#!/usr/bin/env bash
# A server on core 0 with one event loop, offered five times its peak from core 1.
#   Benchmarks/overload.sh [DURATION [PROTOCOL]]       10m, tcp or http
# The peak is a closed loop for longer than a compaction of level 0 takes to come round: after one,
# reads are a third cheaper than before it, and twenty seconds may be the best or the worst of it.
# WORKLOAD, MEMORY, FACTOR, RECORDS and WORK (a directory on the disk to be used) come from the
# environment, SERVER holds further options of the server. Needs a release build.
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:-10m} protocol=${2:-tcp} memory=${MEMORY:-512MiB}
bin=$PWD/.build/release
work=$(mktemp -d "${WORK:-/var/tmp}/strata-overload-XXXXXX") server=
trap '[ -n "$server" ] && kill -9 $server 2>/dev/null; rm -rf "$work"' EXIT

# shellcheck disable=SC2086
taskset -c 0 "$bin/kvserver" --data-dir "$work/data" --http 127.0.0.1:0 --tcp 127.0.0.1:0 --grpc none \
  --grpc none --loops 1 --memory "$memory" ${SERVER:-} > "$work/out" 2> "$work/log" & server=$!
until grep -q '^ready' "$work/out"; do
  kill -0 $server || { cat "$work/log" >&2; exit 1; }
  sleep 0.05
done
"$bin/kvbench" overload "${WORKLOAD:-mixed}" --load --records "${RECORDS:-1000000}" \
  --protocol "$protocol" --server "$(sed -n "s/^listening $protocol=//p" "$work/out")" \
  --factor "${FACTOR:-5}" --duration "$duration" --peak-shape "${PEAK:-64x16}" \
  --peak-duration "${PEAK_DURATION:-100s}" --pin 1 --server-pid $server --memory "$memory"
