# The two commands of the README, and what they stand on. Everything else is `swift build`,
# `swift test` and the programs themselves.

SWIFT ?= swift
DATA ?= data
RELEASE = .build/release

.PHONY: serve test build release lint format bench bench-engine crash-test ingest-kills linearizability \
  release-tests \
  test-address-sanitizer test-thread-sanitizer simulation crash-states model replay \
  damage-sweep kill-points fault-sweep oversized slow-clients overload \
  fuzz fuzz-all fuzz-build install clean packages \
  dev-cert counts proto check-proto test-clients

## Starts a server on demo data: http 127.0.0.1:8080, binary 127.0.0.1:8085, gRPC 127.0.0.1:8086.
serve: release
	$(RELEASE)/kvserver --data-dir $(DATA) --demo

## Runs every test and check.
test: packages lint
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

release: packages
	$(SWIFT) build -c release --product kvserver
	$(SWIFT) build -c release --product kvctl

build: packages
	$(SWIFT) build

lint:
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

## The server beside Redis, memcached, nginx and Bigtable's emulator, on two cores of this machine: docs/benchmarking.md.
## BENCH holds further options.
BENCH ?=
bench: release
	$(SWIFT) build -c release --product kvbench
	$(RELEASE)/kvbench peers --kvserver $(RELEASE)/kvserver $(BENCH)

## Our engine beside RocksDB, LevelDB and LMDB, as far as they are installed, in some minutes.
bench-engine: packages
	$(SWIFT) build -c release --product kvenginebench
	$(RELEASE)/kvenginebench $(BENCH)

## Allocations, and where valgrind is installed instructions, of single operations against budgets.
counts: packages
	$(SWIFT) build -c release --product kvcounts
	Benchmarks/Counts/counts.sh

## Kills a loaded server with SIGKILL and checks what is left, CYCLES times.
CYCLES ?= 50
ROWS ?= 20000
crash-test: release-tests
	STRATA_CRASH_CYCLES=$(CYCLES) STRATA_CRASH_ROWS=$(ROWS) \
	  $(SWIFT) test $(RELEASE_TESTS) --skip-build --filter CrashTests

## Kills producers and servers KILLS times for each way of loading, and compares counters.
KILLS ?= 100
ingest-kills: release-tests
	STRATA_INGEST_KILLS=$(KILLS) $(SWIFT) test $(RELEASE_TESTS) --skip-build --filter IngestKillTests

## Records HISTORIES histories of the store in process and of a server that is killed meanwhile, and
## looks for an order of each.
HISTORIES ?= 20
linearizability: release-tests
	STRATA_HISTORIES=$(HISTORIES) STRATA_HISTORY_OPERATIONS=10000 STRATA_SEEDS=200000 \
	  $(SWIFT) test $(RELEASE_TESTS) --skip-build \
	  --filter 'LinearizabilityCheckerTests|ServiceHistoryTests|NetworkHistoryTests'

## The whole suite under a sanitizer; each is built apart. What XCTest itself leaks is not looked for.
TESTS = debug/strataPackageTests.xctest --testing-library swift-testing
test-address-sanitizer: packages
	$(SWIFT) build --build-tests --sanitize=address --scratch-path .build/address
	ASAN_OPTIONS=detect_leaks=0 STRATA_READY_SECONDS=30 .build/address/$(TESTS)

test-thread-sanitizer: packages
	$(SWIFT) build --build-tests --sanitize=thread --scratch-path .build/thread
	clang -shared -fPIC -O1 -o .build/thread/mutex.so Tests/Sanitizers/MutexForThreadSanitizer.c
	LD_PRELOAD=$(CURDIR)/.build/thread/mutex.so TSAN_OPTIONS=halt_on_error=0:exitcode=66 \
	  STRATA_READY_SECONDS=30 .build/thread/$(TESTS)

# Built apart: tests that look inside need code that lets them.
RELEASE_TESTS = -c release --scratch-path .build/testing -Xswiftc -enable-testing
release-tests: packages
	$(SWIFT) build $(RELEASE_TESTS) --build-tests

## Campaigns of the simulation; each ends with one line of figures. A failure prints the `make
## replay` that shows it again. FIRST is the first seed.
FIRST ?= 1
SIMULATE = $(SWIFT) test $(RELEASE_TESTS) --skip-build --filter

## Histories with faults and crashes, each seed twice.
SEEDS ?= 10000
simulation: release-tests
	STRATA_SIMULATION_SEEDS=$(SEEDS) STRATA_FIRST_SEED=$(FIRST) \
	  $(SIMULATE) 'faults and crashes lose nothing'

## States that a crash could leave, each opened and compared.
STATES ?= 100000
crash-states: release-tests
	STRATA_CRASH_STATES=$(STATES) STRATA_FIRST_SEED=$(FIRST) $(SIMULATE) CrashStateTests

## Operations under each of twenty option sets.
OPERATIONS ?= 1000000
model: release-tests
	STRATA_MODEL_OPERATIONS=$(OPERATIONS) STRATA_FIRST_SEED=$(FIRST) \
	  $(SIMULATE) 'every option set gives'

## Every byte of every kind of file flipped, every length cut.
damage-sweep: release-tests
	STRATA_DAMAGE=all $(SIMULATE) 'DamageSweepTests|DamagedDirectoryTests|DirectoryDamageTests'

## Every durability step as the last, HITS times for each of six kinds of crash.
HITS ?= 100
kill-points: release-tests
	STRATA_KILL_HITS=$(HITS) $(SIMULATE) KillPointTests

## Every file operation failing, once and for ever, over LIVES lives.
LIVES ?= 4
fault-sweep: release-tests
	STRATA_FAULTS=all STRATA_SEEDS=$(LIVES) $(SIMULATE) FaultSweepTests

## Too much of everything, with a row that would grow above its limit.
oversized: release-tests
	STRATA_OVERSIZED=1 $(SIMULATE) OversizedInputTests

## IDLE idle connections, a tenth of that half-open, a hundredth slow, beside good clients; those of
## HABITS.
IDLE ?= 10000
HABITS ?= idle,halfOpen,slowReader,slowWriter
slow-clients: release-tests
	STRATA_IDLE_CONNECTIONS=$(IDLE) STRATA_SLOW_HABITS=$(HABITS) $(SIMULATE) SlowClientTests

## Five times a server's peak for DURATION, over each of PROTOCOLS.
DURATION ?= 10m
PROTOCOLS ?= tcp http
overload: release
	$(SWIFT) build -c release --product kvbench
	@for protocol in $(PROTOCOLS); do Benchmarks/overload.sh $(DURATION) $$protocol || exit 1; done

## One history again, as a failure asks for it.
replay: release-tests
	STRATA_REPLAY_SEED=$(SEED) STRATA_REPLAY_OPTIONS=$(OPTIONS) \
	  STRATA_REPLAY_PROFILE=$(PROFILE) STRATA_REPLAY_STEPS=$(STEPS) \
	  STRATA_REPLAY_SHARES=$(SHARES) STRATA_REPLAY_KEPT=$(KEPT) $(SIMULATE) 'a given history'

## Fuzzes the parser TARGET with RUNS inputs; `fuzz-all` all of them, one after another.
FUZZ_TARGETS = http query tokens json requests lines ingest frames messages tls words regex bigtable calls \
  rows producers log manifest table
TARGET ?= http
RUNS ?= 1000000
fuzz: fuzz-build
	FUZZ=$(FUZZ) Tests/Fuzzing/run.sh $(TARGET) $(RUNS)

fuzz-all: fuzz-build
	@failed=""; \
	for target in $(FUZZ_TARGETS); do \
	  FUZZ=$(FUZZ) Tests/Fuzzing/run.sh $$target $(RUNS) || failed="$$failed $$target"; \
	done; \
	test -z "$$failed" || { echo "found something:$$failed"; exit 1; }

## In release, with assertions; SANITIZE=address looks for bytes read outside of their owner too.
SANITIZE ?=
FUZZ = .build/fuzz$(addprefix -,$(SANITIZE))
fuzz-build: packages
	STRATA_FUZZ=1 $(SWIFT) build -c release --scratch-path $(FUZZ) --product kvfuzz \
	  --sanitize fuzzer $(addprefix --sanitize ,$(SANITIZE)) \
	  -Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug

## What building and running need: Debian's names.
PACKAGES = libsqlite3-dev liblz4-dev libssl-dev libnghttp2-dev zlib1g-dev
packages:
	@missing=""; \
	for name in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$name"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  if [ "$$(id -u)" = 0 ]; then as=""; else as="sudo"; fi; \
	  $$as apt-get update -qq && $$as apt-get install -y -qq $$missing; \
	fi

## The programs alone, stripped, with Swift's libraries inside: what the image holds.
DESTDIR ?= dist
install: packages
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path .build/static --product kvserver
	$(SWIFT) build -c release --static-swift-stdlib --scratch-path .build/static --product kvctl
	install -D -s .build/static/release/kvserver $(DESTDIR)/kvserver
	install -D -s .build/static/release/kvctl $(DESTDIR)/kvctl

## An authority, a certificate for localhost and one for a client, for 90 days, to play with.
DEV_CERT ?= dev-cert
EC = -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -x509 -days 90
SIGNED = -CA ca.pem -CAkey ca.key -addext basicConstraints=critical,CA:FALSE
dev-cert:
	@mkdir -p $(DEV_CERT) && cd $(DEV_CERT) && umask 077 && \
	openssl req $(EC) -keyout ca.key -out ca.pem -subj "/CN=Strata development authority" \
	  -addext keyUsage=critical,keyCertSign 2>/dev/null && \
	openssl req $(EC) $(SIGNED) -keyout server.key -out server.pem -subj /CN=localhost \
	  -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" 2>/dev/null && \
	openssl req $(EC) $(SIGNED) -keyout client.key -out client.pem -subj /CN=client \
	  -addext extendedKeyUsage=clientAuth 2>/dev/null && \
	echo "$(DEV_CERT): ca.pem, server.pem and server.key, client.pem and client.key"

clean:
	rm -rf .build

## Real Bigtable clients, installed from PyPI, against a server of this build.
test-clients: release
	Tests/Clients/run.sh .build/clients $(RELEASE)

## Makes the Swift of proto/ again (needs protoc: Debian's protobuf-compiler).
GENERATED = Sources
GENERATOR = .build/generator
GENERATE = protoc --plugin=$(GENERATOR)/release/protoc-gen-swift -Iproto --swift_opt=Visibility=Package \
  --swift_opt=UseAccessLevelOnImports=true --swift_opt=FileNaming=PathToUnderscores
proto:
	$(SWIFT) package resolve
	$(SWIFT) build -c release --package-path .build/checkouts/swift-protobuf --scratch-path $(GENERATOR) \
	  --product protoc-gen-swift
	mkdir -p $(GENERATED)/StrataProto $(addprefix $(GENERATED)/BigtableProto/,Data Admin Shared)
	$(GENERATE) --swift_out=$(GENERATED)/StrataProto proto/strata.proto
	$(GENERATE) --swift_out=$(GENERATED)/BigtableProto/Data proto/google/bigtable/v2/*.proto
	$(GENERATE) --swift_out=$(GENERATED)/BigtableProto/Admin proto/google/bigtable/admin/v2/*.proto
	$(GENERATE) --swift_out=$(GENERATED)/BigtableProto/Shared proto/google/longrunning/*.proto \
	  proto/google/rpc/*.proto proto/google/type/*.proto proto/google/iam/v1/*.proto proto/grpc/health/v1/*.proto

## Where protoc is at hand: is what is committed what it makes?
check-proto:
	@if command -v protoc >/dev/null; then \
	  $(MAKE) proto GENERATED=.build/generated && \
	  diff -r .build/generated/StrataProto Sources/StrataProto && \
	  diff -r .build/generated/BigtableProto Sources/BigtableProto; \
	else echo "check-proto: no protoc here (Debian: protobuf-compiler), not checked"; fi
