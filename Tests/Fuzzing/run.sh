#!/usr/bin/env bash
# Fuzzes one parser with the program that `make fuzz` has built and says in one line how it went.
# What libFuzzer says goes to a file: $FUZZ/work/<target>/log. Inputs that found something lie
# beside it.
set -uo pipefail
cd "$(dirname "$0")/../.."
target=$1
runs=$2
shift 2
build=${FUZZ:-.build/fuzz}
work=$build/work/$target
mkdir -p "$work/corpus"
rm -f "$work"/crash-* "$work"/timeout-* "$work"/oom-* "$work"/slow-unit-*
# Long lists of edits damage everything and teach little.
case $target in
  tokens | words | rows | producers | log | manifest | table) length=256 ;;
  *) length=1024 ;;
esac
# More than 5 s for one input is a hang; 512 MiB is all the memory there is. AddressSanitizer keeps
# freed memory for a while.
memory=512
case $build in *-address) memory=2048 ;; esac
STRATA_FUZZ_TARGET=$target SWIFT_BACKTRACE=enable=no "$build/release/kvfuzz" \
  -runs="$runs" -timeout=5 -rss_limit_mb="$memory" -malloc_limit_mb=128 -max_len="$length" \
  -print_final_stats=1 -dict=Tests/Fuzzing/Dictionary.txt -artifact_prefix="$work/" "$@" \
  "$work/corpus" "Tests/Fuzzing/Corpora/$target" >"$work/log" 2>&1
code=$?
figure() { sed -n "s/^stat::$1: *//p" "$work/log" | tail -1; }
count() { find "$work" -maxdepth 1 -name "$1" | wc -l; }
echo "$target: $(figure number_of_executed_units) inputs, $(figure average_exec_per_sec) a second," \
  "$(figure peak_rss_mb) MiB at most, $(count 'crash-*') crashes, $(count 'timeout-*') hangs," \
  "$(count 'oom-*') over memory"
if [ "$code" != 0 ]; then
  grep -aE 'Fatal error|ERROR: libFuzzer|Test unit written' "$work/log" | cut -c1-300
fi
exit "$code"
