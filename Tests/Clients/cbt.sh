#!/usr/bin/env bash
# Google's command line tool cbt ($CBT, or the one of PATH) against BIGTABLE_EMULATOR_HOST.
# Versions differ in what they quote and in the columns of `ls`: compared is what all have.
set -uo pipefail
cbt=${CBT:-$(command -v cbt || true)}
if [ -z "$cbt" ]; then
  echo "skipped: cbt is not installed (gcloud components install cbt), nor is CBT its path"
  exit 0
fi
: "${BIGTABLE_EMULATOR_HOST:?is the address of the gRPC port}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work TZ=UTC  # no .cbtrc of ours, times as they are below
table=cbt-$$ done=0 failed=0

# Every command of the tool, with time to end in; its log only shows when it fails. Credentials are
# not looked at, but without any it asks gcloud first, which takes a second.
run() { timeout 30 "$cbt" -project p -instance i -creds /dev/null "$@" 2>"$work/log"; }

report() {  # report WHAT [WHY]
  done=$((done + 1))
  if [ $# = 1 ]; then echo "ok     $1"; else echo "FAILED $1: $2"; failed=$((failed + 1)); fi
}

same() {  # same WHAT WANTED COMMAND...
  local what=$1 wanted=$2 got
  shift 2
  if ! got=$("$@"); then
    report "$what" "$* ended with an error: $(tail -n 1 "$work/log")"
  elif [ "$got" != "$wanted" ]; then
    report "$what" "got ${got//$'\n'/ | }, wanted ${wanted//$'\n'/ | }"
  else
    report "$what"
  fi
}

done_by() {  # done_by WHAT COMMAND...: the command ends well, whatever it prints
  local what=$1
  shift
  if "$@" >/dev/null; then report "$what"; else report "$what" "$(tail -n 1 "$work/log")"; fi
}

refused() {  # refused WHAT TEXT COMMAND...: the command fails and its log has the text
  local what=$1 text=$2
  shift 2
  if "$@" >/dev/null; then
    report "$what" "not refused"
  elif ! grep -qi "$text" "$work/log"; then
    report "$what" "another error: $(tail -n 1 "$work/log")"
  else
    report "$what"
  fi
}

# Rows as the tool prints them, one a line: KEY FAMILY:COLUMN=VALUE ...
rows() {
  run "$@" | awk '
    /^-+$/ { if (line != "") print line; line = ""; isKey = 1; next }
    isKey { gsub(/"/, ""); line = $0; isKey = 0; next }
    /^    / { gsub(/^ +|"/, ""); line = line "=" $0; next }
    /^  / { gsub(/"/, ""); line = line " " $1 }
    END { if (line != "") print line }'
}

families() { run ls "$table" | awk -F '\t+' 'NR > 2 { print $1 ": " $2 }'; }
is_listed() { run ls | grep -cx "$table"; }
knows() { "$cbt" help 2>/dev/null | grep -q "^cbt $1"; }
has() { "$cbt" help "$1" 2>/dev/null | grep -q -- "$2"; }

done_by "a table, with families and splits" \
  run createtable "$table" "families=f:maxversions=3,g:maxage=10d||maxversions=1" splits=b,m
same "it is listed" 1 is_listed
same "with its rules" $'f: versions() > 3\ng: (age() > 10d || versions() > 1)' families
refused "not made twice" "already" run createtable "$table"
done_by "a family" run createfamily "$table" h
done_by "its rule" run setgcpolicy "$table" h maxage=5d and maxversions=2
same "is there" $'f: versions() > 3\ng: (age() > 10d || versions() > 1)
h: (age() > 5d && versions() > 2)' families
done_by "another rule" run setgcpolicy "$table" h maxversions=7
same "in its place" "h: versions() > 7" eval 'families | grep ^h'
refused "no rule for a missing family" "no\|not" run setgcpolicy "$table" nobody maxversions=1

for key in a1 a2 b1 b2; do
  done_by "cells of $key" run set "$table" "$key" "f:q=old@1000" "f:q=new@2000" "g:r=of $key"
done
refused "no cell in a missing family" "famil" run set "$table" a1 nobody:q=1
same "a lookup" "a1 f:q=new f:q=old g:r=of a1" rows lookup "$table" a1
same "of a column, once" "a1 f:q=new" \
  rows lookup "$table" a1 columns=f:q cells-per-column=1
same "of a missing row" "" rows lookup "$table" nobody
same "with its times" $'@ 1970/01/01-00:00:00.002000\n@ 1970/01/01-00:00:00.001000' \
  eval 'run lookup "$table" a1 columns=f:q | grep -o "@ .*"'
same "all is read" "a1 a2 b1 b2 " eval 'rows read "$table" | cut -d " " -f 1 | tr "\n" " "'
same "a range" $'a2 g:r=of a2\nb1 g:r=of b1' rows read "$table" start=a2 end=b2 columns=g:r
same "a prefix" $'b1 g:r=of b1\nb2 g:r=of b2' rows read "$table" prefix=b columns=g:r
same "a pattern" $'a2 f:q=new g:r=of a2\nb2 f:q=new g:r=of b2' \
  rows read "$table" 'regex=.*2' cells-per-column=1
same "columns of both families" "a1 f:q=new g:r=of a1" \
  rows read "$table" columns=f:q,g:r cells-per-column=1 count=1
same "a family" "a1 g:r=of a1" rows read "$table" columns=g: count=1
same "the rows are counted" 4 run count "$table"
if has read reversed; then
  same "backwards" $'b2 g:r=of b2\nb1 g:r=of b1' \
    rows read "$table" reversed=true count=2 columns=g:r
fi
if has read keys-only; then
  same "keys alone" "a1 a2 b1 b2 " \
    eval 'rows read "$table" keys-only=true | cut -d " " -f 1 | tr "\n" " "'
fi
if has read include-stats; then
  same "statistics of a read" $'rows_returned_count: 4\ncells_returned_count: 4' \
    eval 'run read "$table" columns=g: include-stats=full | grep returned_count'
fi
if has count prefix; then same "the rows of a prefix" 2 run count "$table" prefix=a; fi

# A line of families, a line of columns, then rows; 1,200 of these are more than two batches.
{ echo ',f,,g'; echo ',x,y,z'; for n in $(seq 1000 2199); do echo "csv$n,$n,,z$n"; done; } \
  >"$work/rows.csv"
done_by "rows of a file" run import "$table" "$work/rows.csv" batch-size=500 workers=2
same "are there" 1204 run count "$table"
same "each of them whole" "csv1777 f:x=1777 g:z=z1777" rows lookup "$table" csv1777
printf ',x\nplain,1\n' >"$work/plain.csv"
done_by "a file without families" run import "$table" "$work/plain.csv" column-family=f
same "and its row" "plain f:x=1" rows lookup "$table" plain

done_by "a column is deleted" run deletecolumn "$table" a1 f q
same "alone" "a1 g:r=of a1" rows lookup "$table" a1
done_by "a row" run deleterow "$table" a1
same "all of it" "" rows lookup "$table" a1
done_by "a family" run deletefamily "$table" g
same "with its cells" "a2 f:q=new f:q=old" rows lookup "$table" a2
same "of all families" $'f: versions() > 3\nh: versions() > 7' families
done_by "all rows" run deleteallrows "$table"
same "none is left" 0 run count "$table"
done_by "a row is written again" run set "$table" a1 f:q=again@1000
same "with an older time" "a1 f:q=again" rows lookup "$table" a1
done_by "replication is waited for" run waitforreplication "$table"
done_by "instances are listed" run listinstances
same "and the cluster" 1 eval 'run listclusters | grep -c "^strata"'

done_by "an app profile" run createappprofile i "$table" ours route-any force=true
same "is there" "Description: ours" eval 'run getappprofile i "$table" | grep ^Desc'
done_by "it is deleted" run deleteappprofile i "$table"
if knows setvaluetype; then
  done_by "a family's type" run setvaluetype "$table" f stringutf8bytes
  same "its rule stays" "f: versions() > 3" eval 'families | grep ^f'
fi
if knows addtocell; then
  done_by "a table of sums" run createtable "$table-sums" "families=sum:maxversions=1:intsum"
  for value in 5 -2; do
    done_by "$value is added" run addtocell "$table-sums" a "sum:n=$value@1000"
  done
  same "to a sum" 'a sum:n=\x00\x00\x00\x00\x00\x00\x00\x03' rows lookup "$table-sums" a
  done_by "the sums are deleted" run deletetable "$table-sums"
fi
done_by "the table is deleted" run deletetable "$table"
same "and listed no longer" 0 eval 'is_listed || true'
refused "not deleted twice" "not" run deletetable "$table"

echo "$((done - failed)) of $done checks passed"
[ "$failed" = 0 ]
