#!/usr/bin/env bash
# One row by HTTP beside nginx serving a file of 200 bytes: the same loader (wrk), the same
# connections, server on core 0, loader on core 1. Then the same row over TLS 1.3.
#   Benchmarks/http.sh [SECONDS]
# Needs a release build, wrk and nginx.
set -euo pipefail
cd "$(dirname "$0")/.."
secs=${1:-3}
bin=$PWD/.build/release
work=$(mktemp -d) server= nginx=
secure=
trap 'for one in $server $secure; do kill -9 $one 2>/dev/null; done; [ -n "$nginx" ] && kill $nginx 2>/dev/null; rm -rf "$work"' EXIT

taskset -c 0 "$bin/kvserver" --data-dir "$work/data" --http 127.0.0.1:0 --tcp 127.0.0.1:0 --grpc none \
  --grpc none --loops 1 > "$work/out" 2> "$work/log" & server=$!
until grep -q '^ready' "$work/out"; do sleep 0.05; done
http=$(sed -n 's/^listening http=//p' "$work/out") tcp=$(sed -n 's/^listening tcp=//p' "$work/out")
"$bin/kvctl" --server "$tcp" table create scores --family 's:versions=1,type=int64' --family 'p:versions=1' > /dev/null
"$bin/kvctl" --server "$tcp" put scores 12345678000195 s:score=712 s:limit=250000 \
  p:model=credit_v3 p:company=00012345678901 p:asof=2026-07-01 p:currency=BRL p:tier=B > /dev/null
row=http://$http/v1/tables/scores/rows/12345678000195
curl -s "$row" > "$work/row.json"

make -s dev-cert DEV_CERT="$work/cert" > /dev/null
trust=(--tls-ca "$work/cert/ca.pem")
taskset -c 0 "$bin/kvserver" --data-dir "$work/secure" --http 127.0.0.1:0 --tcp 127.0.0.1:0 --grpc none \
  --grpc none --loops 1 --tls-cert "$work/cert/server.pem" --tls-key "$work/cert/server.key" \
  > "$work/secure-out" 2> "$work/secure-log" & secure=$!
until grep -qs "^ready" "$work/secure-out"; do sleep 0.05; done
https=$(sed -n 's/^listening http=//p' "$work/secure-out") tcp=$(sed -n 's/^listening tcp=//p' "$work/secure-out")
"$bin/kvctl" --server "$tcp" "${trust[@]}" table create scores --family 's:versions=1,type=int64' --family 'p:versions=1' > /dev/null
"$bin/kvctl" --server "$tcp" "${trust[@]}" put scores 12345678000195 s:score=712 s:limit=250000 \
  p:model=credit_v3 p:company=00012345678901 p:asof=2026-07-01 p:currency=BRL p:tier=B > /dev/null

mkdir -p "$work/html"
head -c 200 /dev/zero | tr '\0' x > "$work/html/x.json"
cat > "$work/nginx.conf" <<N
daemon off; worker_processes 1; pid $work/pid; error_log $work/err;
events { worker_connections 1024; }
http { access_log off; sendfile on; keepalive_requests 100000000; open_file_cache max=100;
 types { application/json json; } client_body_temp_path $work/t1; proxy_temp_path $work/t2;
 fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
 server { listen 127.0.0.1:7002; root $work/html; } }
N
[ "$(id -u)" = 0 ] && sed -i '1i user root;' "$work/nginx.conf"
taskset -c 0 nginx -c "$work/nginx.conf" -p "$work" & nginx=$!
until curl -s -o /dev/null http://127.0.0.1:7002/x.json; do sleep 0.05; done

echo "row body: $(wc -c < "$work/row.json") bytes"
for connections in 1 16 64; do
  for target in "strata $row" "nginx http://127.0.0.1:7002/x.json" \
    "strata-tls https://$https/v1/tables/scores/rows/12345678000195"; do
    set -- $target
    taskset -c 1 wrk -t1 -c$connections -d${secs}s --latency "$2" > "$work/wrk"
    awk -v name="$1" -v c=$connections '/Requests.sec/ { ops = $2 } $1 == "50%" { p50 = $2 } $1 == "99%" { p99 = $2 }
      /Non-2xx/ { bad = $0 } END { printf "{\"server\":\"%s\",\"connections\":%d,\"ops_per_s\":%d,\"p50\":\"%s\",\"p99\":\"%s\"}%s\n", name, c, ops, p50, p99, bad }' "$work/wrk"
  done
done
for i in 1 2 3 4 5 6 7 8 9 10; do curl -s -o /dev/null -w '%{time_total}\n' "$row"; done | sort | awk '{ t[NR] = $1 } END { print "curl of one row, idle server, 10 runs: median", t[5], "s" }'
