#!/usr/bin/env bash
# Loads ROWS rows of five cells from NDJSON durably, scans them back, compares hashes, then
# overwrites them ROUNDS times under one version and watches the disk settle.
#   Benchmarks/load.sh [ROWS] [ROUNDS] [MEMORY]          default 1000000 5 512MiB
# Needs a release build (`make release`), perl and about 2 GB of /tmp.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-1000000} rounds=${2:-5} memory=${3:-512MiB}
bin=$PWD/.build/release
work=$(mktemp -d) server=
trap '[ -n "$server" ] && kill -9 $server 2>/dev/null; rm -rf "$work"' EXIT

field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }
seconds() { date +%s.%N; }
disk() { du -s --block-size=1 "$work/data/tables" | cut -f1; }

for round in $(seq 0 "$rounds"); do
  perl Benchmarks/rows.pl "$rows" "$round" > "$work/rows.$round"
done
expected=$(LC_ALL=C sort "$work/rows.0" | sha256sum | cut -d' ' -f1)
# The kernel would write these files back half a minute later, in front of the server's syncs.
sync

"$bin/kvserver" --data-dir "$work/data" --http none --tcp 127.0.0.1:0 --grpc none \
  --memory "$memory" > "$work/out" 2> "$work/log" & server=$!
until grep -q '^ready' "$work/out"; do sleep 0.05; done
address=$(sed -n 's/^listening tcp=//p' "$work/out")
kvctl() { "$bin/kvctl" --server "$address" "$@"; }
kvctl table create rows --family 's:versions=1,type=int64' --family 'f:versions=1' > /dev/null

load() { # FILE
  local start end
  start=$(seconds); kvctl load rows "$1" --format ndjson > "$work/load.out" 2>&1; end=$(seconds)
  echo "$rows $start $end" | awk '{ printf "%d rows in %.2f s: %d rows/s\n", $1, $3 - $2, $1 / ($3 - $2) }'
}
echo "load: $(load "$work/rows.0")"
tail -1 "$work/load.out"
echo "server memory: peak $(field $server VmHWM) kB with --memory $memory"

"$bin/kvctl" --server "$address" scan rows --output ndjson > "$work/scanned" & scan=$!
peak=0
while kill -0 $scan 2>/dev/null; do
  now=$(field $scan VmHWM 2>/dev/null || true); [ "${now:-0}" -gt "$peak" ] && peak=$now
  sleep 0.05
done
wait $scan
sync
found=$(sha256sum < "$work/scanned" | cut -d' ' -f1)
echo "scan: $(wc -l < "$work/scanned") rows, kvctl peak $peak kB, hash $([ "$found" = "$expected" ] && echo equal || echo "DIFFERS")"

for round in $(seq 1 "$rounds"); do
  echo "overwrite $round: $(load "$work/rows.$round"), disk $(disk)"
done
[ "$rounds" -gt 0 ] || exit 0
for wait in $(seq 1 30); do
  sleep 2
  echo "after $((wait * 2)) s: disk $(disk)"
  now=$(disk)
  [ "${before:-0}" = "$now" ] && [ "${settled:-0}" = "$now" ] && break
  settled=${before:-0} before=$now
done
kvctl stats
kvctl scan rows --output ndjson > "$work/scanned"
expected=$(LC_ALL=C sort "$work/rows.$rounds" | sha256sum | cut -d' ' -f1)
found=$(sha256sum < "$work/scanned" | cut -d' ' -f1)
echo "after overwrites: hash $([ "$found" = "$expected" ] && echo equal || echo DIFFERS)"
# Live data: the same rows written once into an empty table.
kvctl table create fresh --family 's:versions=1,type=int64' --family 'f:versions=1' > /dev/null
kvctl load fresh "$work/rows.$rounds" --format ndjson > /dev/null 2>&1
sleep 15
for table in "$work"/data/tables/*; do echo "table directory $(basename "$table"): $(du -s --block-size=1 "$table" | cut -f1) bytes"; done
echo "server memory: peak $(field $server VmHWM) kB"
