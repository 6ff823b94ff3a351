# netlmm: `make demo` shows it at work, `make test` proves it. Both install what they need on a fresh Debian with Go.
GO      ?= go
COUNT   ?= 20
BENCH   ?= 200
FUZZTIME ?= 10s
BINARIES = magd lmad mihd netlmmctl testbed

.PHONY: all build help deps demo experiments test lint bench bench-lma bench-mih fuzz model conformance wifi vm vm-test vm-deps packages packages-deps packages-test clean
all: build

help:
	@echo 'make              the programs, in bin/'
	@echo 'make deps         the Debian packages that the rest needs (as root)'
	@echo 'make demo         hosts move between two gateways under traffic (as root); COUNT=$(COUNT) each way'
	@echo 'make experiments  what a domain does to a roaming host, as a page: out/experiments/index.html (as root)'
	@echo 'make test         vet, staticcheck and every test (as root)'
	@echo 'make lint         the first two and who imports whom'
	@echo 'make bench        as demo, BENCH=$(BENCH) times each way, and the micro-benchmarks'
	@echo 'make bench-lma    an anchor under load'
	@echo 'make bench-mih    link events from one MIH Function to another'
	@echo 'make conformance  which MUST and SHOULD of the RFCs has a test'
	@echo 'make fuzz         every parser, FUZZTIME=$(FUZZTIME) each'
	@echo 'make model        SCHEDULES=$(SCHEDULES) random schedules of a domain in memory'
	@echo 'make wifi         hosts roam between real Wi-Fi access points, on a stock Debian kernel under qemu; COUNT=1 each way'
	@echo 'make vm           the demonstration on a stock Debian kernel under qemu; make vm-test: the tests that want one'
	@echo 'make packages     Debian packages, in out/packages; make packages-test: they and docs/deploy.md on machines of their own (as root)'
	@echo 'make clean        removes bin/ and out/'

build: $(BINARIES:%=bin/%)
bin/%: FORCE
	@mkdir -p bin
	$(GO) build -trimpath -o $@ ./cmd/$*
FORCE:

deps:
	@sh testbed/install-packages.sh

demo: deps build
	@mkdir -p out
	bin/testbed run handover --count $(COUNT) --report out/demo.json

# The reference paper's experiments and ours, with tables, pictures and a page; some nine minutes, of which two are waited for what own addresses break.
experiments: deps build
	bin/testbed experiment all --report out/experiments

# Uncached: what the tests run are programs that the test cache does not see. Most of their time they wait, for timers and for daemons: so
# more packages than the machine has processors are tested at once, and of the tests that say t.Parallel more of one package.
test: deps lint
	$(GO) test -count=1 -timeout 20m -p 3 -parallel 6 ./...

# golang.org/x/tools in staticcheck must read the running Go: the version is pinned with the toolchain in go.mod.
lint:
	$(GO) vet ./...
	$(GO) vet -tags hwsim ./ap-adapters/...
	$(GO) test ./cmd/internal/rules
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }

bench: deps build
	@mkdir -p out
	bin/testbed run handover --count $(BENCH) --report out/bench.json
	$(GO) test -run '^$$' -bench . -benchmem ./mih/... ./mobility/... ./security/... ./ap-adapters/...

# An anchor under the load generator, each in a namespace of its own.
bench-lma: deps build
	@mkdir -p out
	bin/testbed bench-lma --json out/bench-lma.json

# Two MIH Functions as processes, over UDP on loopback; PROFILE=FOLDER leaves profiles of both.
bench-mih: build
	@mkdir -p out $(PROFILE)
	bin/testbed bench-mih --json out/bench-mih.json $(if $(PROFILE),--profile $(PROFILE))

# Every fuzz target for FUZZTIME, FUZZJOBS at a time; the corpora are in testdata/fuzz.
FUZZJOBS ?= $$(nproc)
fuzz:
	@GO='$(GO)' sh testbed/fuzz.sh $(FUZZTIME) $(FUZZJOBS)

# How much of the RFCs' MUST and SHOULD is proven by which test: mobility/RFCS.md.
conformance:
	$(GO) test -count=1 -v -run Conformance ./mobility/...

# Random schedules of a domain in memory; `make test` plays some of them.
SCHEDULES ?= 100000
model:
	$(GO) test -count=1 -timeout 2h ./mobility/domaintest -run TestRandomSchedules -rapid.checks=$(SCHEDULES)

# Hosts with WPA2-PSK, WPA2-EAP and 802.11r roam between two access points, whose radios a stock Debian kernel under emulation simulates:
# a MAG each, ip6_tunnel, ESP in transport mode. out/wifi.json; out/wifi-predictive.json is of handovers that are prepared when a signal fades
wifi: deps build
	@LIMIT=$${LIMIT:-900} sh testbed/vm/run.sh wifi

# The demonstration on a stock Debian kernel under emulation: ip6_tunnel, the kernel's own ESP in transport mode. out/vm.json
vm: build
	@sh testbed/vm/run.sh experiment

# The tests that want such a kernel, in the same machine; half an hour, on a busy one more.
vm-test: build
	@sh testbed/vm/run.sh tests

# What the virtual machine is made of.
vm-deps:
	@sh testbed/vm/run.sh deps

# Debian packages of the daemons and of netlmmctl.
packages:
	@GO='$(GO)' sh packaging/build.sh

# What docs/deploy.md says, literally, on fresh Debians under systemd, and what the packages promise; some minutes.
packages-test: packages packages-deps
	$(GO) vet -tags packages ./packaging
	$(GO) test -tags packages -count=1 -timeout 30m ./packaging

packages-deps:
	@sh packaging/packages.sh
	@sh packaging/root.sh >/dev/null

clean:
	rm -rf bin out
