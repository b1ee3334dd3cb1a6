# SPDX-License-Identifier: MIT
# Every verb of the project; plain `make` is `make help`.
#
#   make FLAVOUR=release|debug|asan ...   objects under build/<flavour>/, programs of the release flavour in build/bin/
#   make MARCH=x86-64-v3 ...              for packages; the default is the machine that builds
#   make WERROR=1 ...                     warnings are errors (continuous integration)

comma := ,
FLAVOUR ?= release
MARCH ?= native
CC ?= gcc
B := build/$(FLAVOUR)
JOBS ?= $(shell nproc)

ROOMS := dataplane/base dataplane/net dataplane/smtp dataplane/msg dataplane/auth dataplane/shard dataplane/dpdk \
	 dns crypto ctrlplane ctrlplane/policy ctrlplane/sql ctrlplane/report ctrlplane/quarantine ctrlplane/firmware ctrlplane/cli tools/check tools/load
CORE_ROOMS := dataplane/base dataplane/net dataplane/smtp dataplane/msg dataplane/auth dataplane/shard ctrlplane/policy ctrlplane/firmware
# Files that hold a program's main(); all else goes into one archive.
MAINS := ctrlplane/main.c ctrlplane/cli/sekishoctl.c tools/check/sekisho_check.c tools/load/sekisho_load.c

SOURCES := $(wildcard $(addsuffix /*.c,$(ROOMS)))
# Programs of targets of their own, not of `make test`.
LONG_SOURCES := tests/sim/sim_long.c tests/unit/report/report_day.c
LIB_SOURCES := $(filter-out $(MAINS),$(SOURCES))
TEST_SOURCES := $(filter-out $(LONG_SOURCES),$(wildcard tests/unit/*.c tests/unit/*/*.c tests/sim/*.c))
FUZZ_SOURCES := $(wildcard tests/fuzz/*/*.c)

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Wvla -Wstrict-prototypes $(if $(WERROR),-Werror)
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_release := -O3 -g -march=$(MARCH) -DNDEBUG $(HARDEN)
FLAGS_debug := -O0 -g -march=$(MARCH)
FLAGS_asan := -O1 -g -march=$(MARCH) -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_ALL := -std=c11 -I. $(WARN) $(FLAGS_$(FLAVOUR)) -MMD -MP $(CFLAGS)
LDFLAGS_ALL := -Wl,--as-needed -Wl,-z,relro,-z,now $(if $(filter asan,$(FLAVOUR)),-fsanitize=address$(comma)undefined) $(LDFLAGS)

# Only the rooms that know DPDK see its headers, as system headers: their warnings are not ours.
DPDK_CFLAGS = $(patsubst -I%,-isystem %,$(filter-out -march=%,$(shell pkg-config --cflags libdpdk 2>/dev/null)))
DPDK_LIBS = $(shell pkg-config --libs libdpdk 2>/dev/null) -lrte_net_ring
LIBS := -lunbound -lssl -lcrypto -lconfig -ljansson -lidn2 -lpsl -lsqlite3 -lpq -lxml2 -lz -lncursesw -ltinfo -ledit -lsystemd -lcap-ng -lseccomp -lpthread -lm
ROOM_CFLAGS_dataplane/dpdk = $(DPDK_CFLAGS) -D_GNU_SOURCE
ROOM_CFLAGS_tools/load = $(DPDK_CFLAGS) -D_GNU_SOURCE
ROOM_CFLAGS_ctrlplane = -D_GNU_SOURCE
XML_CFLAGS = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libxml-2.0 2>/dev/null))
ROOM_CFLAGS_ctrlplane/report = $(XML_CFLAGS) -D_GNU_SOURCE
ROOM_CFLAGS_ctrlplane/sql = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libpq 2>/dev/null)) -D_GNU_SOURCE
ROOM_CFLAGS_ctrlplane/quarantine = -D_GNU_SOURCE
ROOM_CFLAGS_tests/unit/quarantine = -D_GNU_SOURCE
ROOM_CFLAGS_tests/unit/load = -D_GNU_SOURCE
ROOM_CFLAGS_tests/unit/firmware = -D_GNU_SOURCE
ROOM_CFLAGS_tests/unit/report = $(XML_CFLAGS) -D_GNU_SOURCE
ROOM_CFLAGS_ctrlplane/cli = -D_GNU_SOURCE
ROOM_CFLAGS_tools/check = -D_GNU_SOURCE
ROOM_CFLAGS_tools/bench = -D_GNU_SOURCE
ROOM_CFLAGS_dns = -D_GNU_SOURCE
ROOM_CFLAGS_crypto = -D_GNU_SOURCE
ROOM_CFLAGS_tests/unit/crypto = -D_GNU_SOURCE
# The one file of the room that knows DPDK, and its test.
$(B)/crypto/crypto_cryptodev.o: ROOM_CFLAGS_crypto += $(DPDK_CFLAGS)
$(B)/tests/unit/crypto/test_crypto_cryptodev.o: ROOM_CFLAGS_tests/unit/crypto += $(DPDK_CFLAGS)
$(B)/tests/unit/crypto/test_crypto_cryptodev: LIBS += $(DPDK_LIBS)
ROOM_CFLAGS_tests/wire = -D_GNU_SOURCE
ROOM_CFLAGS_tests/slow_dns = -D_GNU_SOURCE
ROOM_CFLAGS_tests/sim = -D_GNU_SOURCE
ROOM_CFLAGS_tests/oracle = -D_GNU_SOURCE

LIB := $(B)/libsekisho.a
# What tests share; no program that is shipped has it.
IMPAIR := $(B)/tests/impair.a
# The daemon with a network that harms between its ports and its shards; build/bin never has it.
IMPAIRED := $(B)/tests/impair/sekishod
# An OpenSSL engine that behaves well or badly as it is told; it is OpenSSL that loads it, so it has no sanitizer.
ENGINE := $(B)/tests/engine/test_engine.so
# And a provider.
PROVIDER := $(B)/tests/engine/test_provider.so
# The kernel's TCP and ours, asked the same.
ORACLE := $(B)/tests/oracle/oracle
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/%.o)
PROGRAMS := $(if $(wildcard ctrlplane/main.c),$(B)/bin/sekishod) \
	    $(if $(wildcard ctrlplane/cli/sekishoctl.c),$(B)/bin/sekishoctl) \
	    $(if $(wildcard tools/check/sekisho_check.c),$(B)/bin/sekisho-check) \
	    $(if $(wildcard tools/load/sekisho_load.c),$(B)/bin/sekisho-load)
TESTS := $(TEST_SOURCES:%.c=$(B)/%)
# Programs that tests of the real daemon use.
WIRE_PROGRAMS := $(patsubst %.c,$(B)/%,$(wildcard tests/wire/*.c))
FUZZ_REPLAYS := $(foreach s,$(FUZZ_SOURCES),$(B)/$(s:%.c=%))

.PHONY: help deps build programs wire wire-build interop run demo test unit e2e conformance differential crypto-differential lint format fuzz fuzz-smoke bench bench-gateway bench-peers bench-rates bench-million clean tests-build
.DEFAULT_GOAL := help
.SECONDARY:

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 14

deps: ## install what is missing (Debian packages, by apt)
	@tools/deps build test

build: ## build all programs into build/bin (release flavour)
	@tools/deps build
	@+$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=release programs
	@mkdir -p build/bin && for p in build/release/bin/*; do ln -sf "../release/bin/$$(basename $$p)" build/bin/; done

programs: $(PROGRAMS)
tests-build: $(TESTS) $(FUZZ_REPLAYS) $(WIRE_PROGRAMS) $(ORACLE)
wire-build: $(WIRE_PROGRAMS) $(IMPAIRED) $(ENGINE) $(PROVIDER)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) $(ROOM_CFLAGS_$(patsubst %/,%,$(dir $<))) -c $< -o $@

$(LIB): $(LIB_OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(IMPAIR): $(patsubst %.c,$(B)/%.o,$(filter-out tests/impair/impair_user.c,$(wildcard tests/impair/*.c)))
	@rm -f $@
	@ar rcs $@ $^

$(B)/bin/sekishod: $(B)/ctrlplane/main.o $(LIB)
$(B)/bin/sekishoctl: $(B)/ctrlplane/cli/sekishoctl.o $(LIB)
$(B)/bin/sekisho-check: $(B)/tools/check/sekisho_check.o $(LIB)
$(B)/bin/sekisho-load: $(B)/tools/load/sekisho_load.o $(LIB)
$(PROGRAMS):
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(if $(filter %sekishod %sekisho-load,$@),$(DPDK_LIBS)) $(LIBS)

$(B)/tests/%: $(B)/tests/%.o $(IMPAIR) $(LIB)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< $(IMPAIR) $(LIB) $(LIBS)

$(IMPAIRED): $(B)/ctrlplane/main.o $(B)/tests/impair/impair_user.o $(IMPAIR) $(LIB)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -Wl,--wrap=dpdk_run,--wrap=dpdk_stop -o $@ $^ $(DPDK_LIBS) $(LIBS)

$(ENGINE) $(PROVIDER): $(B)/%.so: %.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) -std=c11 -D_GNU_SOURCE -O1 -g $(WARN) -fPIC -shared -o $@ $< -lcrypto -lpthread

# The tests find the engine beside themselves.
$(B)/tests/unit/crypto/test_crypto_engine $(B)/tests/unit/crypto/test_crypto_openssl $(B)/tests/unit/crypto/test_tls_engine: $(ENGINE) $(PROVIDER)

$(ORACLE): $(patsubst %.c,$(B)/%.o,$(wildcard tests/oracle/*.c)) $(LIB)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/tools/bench/bench: $(patsubst %.c,$(B)/%.o,$(wildcard tools/bench/*.c)) $(LIB)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

SECONDS_EACH ?= 5
bench-gateway: build ## signed messages of 4 KiB through the gateway on one core, load and next hop on the other (root)
	@tools/bench/gateway

bench-peers: build ## Postfix, rspamd, Exim, Haraka with their verifiers, and ours: messages a second and core (root; both cores; minutes)
	@tools/deps test
	@tools/bench/peers/run $(SECONDS_EACH)

bench-rates: build ## connections, and a SYN flood, over memif beside the kernel's TCP (root; both cores)
	@tools/bench/rates

bench-million: build ## a million connections opened, held for a minute, and what they take (root; 3 GB; some minutes)
	@tools/bench/million

$(B)/tests/slow_dns/slow_dns: $(B)/tests/slow_dns/slow_dns.o
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^

.PHONY: bench-dns slow-dns
slow-dns: $(B)/tests/slow_dns/slow_dns
bench-dns: build ## 100 000 unknown domains, and a DNS that is slow, lossy or failing (root; both cores; some minutes)
	@+$(MAKE) --no-print-directory FLAVOUR=release slow-dns
	@tools/bench/cold_dns

.PHONY: bench-reloads
bench-reloads: build ## settings, and lists of a million prefixes, changed under full load: stalls, drops, sessions lost (root; both cores)
	@tools/bench/reloads

# A fuzz target without a fuzzer: fuzz_main.c replays its corpus.
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz_main.o $(LIB)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $< $(B)/tests/fuzz_main.o $(LIB) $(LIBS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# T=name picks those of a list whose name has that in it.
picked = $(if $(T),$(foreach p,$(1),$(if $(findstring $(T),$(p)),$(p))),$(1))

CORE_OBJECTS = $(patsubst %.c,$(B)/%.o,$(filter-out dataplane/base/check.c,$(wildcard $(addsuffix /*.c,$(CORE_ROOMS)))) \
	dns/dns_question.c dns/dns_cache.c dns/dns_snapshot.c dns/dns_rdata.c dns/dns_flight.c dns/dns_desk.c crypto/crypto_batch.c crypto/crypto_device.c crypto/rsa_key.c crypto/rsa_rule.c \
	crypto/rsa_ifma.c crypto/rsa_avx2.c crypto/rsa_lanes.c crypto/ed25519_ifma.c crypto/ed25519_scalar.c crypto/sha512_lanes.c crypto/sha256_pair.c)
# Tests that take a number of lanes to compare with OpenSSL.
CRYPTO_TWINS = test_ed25519_ifma test_crypto_lanes
SHELL_SCRIPTS = tools/deps tools/check-includes tools/check-pure tools/lint tools/bench/run tools/bench/rates tools/bench/gateway tools/bench/million tools/bench/peers/run tests/run tests/all tests/fuzz/run tests/e2e/run tests/e2e/in-namespace \
	tests/e2e/demo tests/e2e/try tests/wire/run tests/interop/run tests/interop/fetch .ci/run

SHELL_SCRIPTS += tests/postgres tests/sim/long tests/fuzz/coverage tools/deb/build tests/nic/init tools/image/build tools/image/customize tools/reproduce \
	conf/image/root/etc/initramfs-tools/hooks/sekisho conf/image/root/etc/initramfs-tools/scripts/init-bottom/sekisho conf/image/root/etc/profile.d/sekisho.sh

unit: ## unit, scenario, simulator tests and corpus replay, with ASan and UBSan (T=spf picks by name)
	@tools/deps build test
	@+$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=asan tests-build build/asan/bin/sekisho-check
	@JOBS=$(JOBS) tests/run $(call picked,$(sort $(TESTS:$(B)/%=build/asan/%) $(FUZZ_REPLAYS:$(B)/%=build/asan/%) $(ORACLE:$(B)/%=build/asan/%)))

e2e: build ## the real daemon and real peers in network namespaces (root; T=name picks)
	@tools/deps test
	@+$(MAKE) --no-print-directory FLAVOUR=release wire-build
	@tests/e2e/run $(T)

interop: build ## clients and mail servers that people run, on both sides of the gateway (root, ten minutes; COUNT=1000 letters)
	@tools/deps test
	@tests/interop/run $(COUNT)

wire: build ## our TCP beside the kernel's over lines that lose and damage: time, integrity (root, some minutes)
	@tools/deps test
	@+$(MAKE) --no-print-directory FLAVOUR=release wire-build
	@tests/wire/run integrity
	@tests/wire/run table

HOURS ?= 24
SEEDS ?= 10000
.PHONY: oracle
oracle: ## what the kernel's TCP answers to segments, and what ours does (root; also in `make test`)
	@tools/deps build test
	@+$(MAKE) --no-print-directory FLAVOUR=asan build/asan/tests/oracle/oracle
	@tests/run build/asan/tests/oracle/oracle

.PHONY: reports-day
reports-day: ## a day of a million verdicts: 10000 reports made, sent and held to their schema, in bounded memory
	@tools/deps build
	@+$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=release build/release/tests/unit/report/report_day
	@build/release/tests/unit/report/report_day

.PHONY: sim-long
sim-long: ## random networks for HOURS of virtual time and SEEDS seeds at least, invariants after each event (both cores)
	@tools/deps build
	@+$(MAKE) --no-print-directory FLAVOUR=$(FLAVOUR) $(B)/tests/sim/sim_long
	@tests/sim/long $(B)/tests/sim/sim_long $(HOURS) $(SEEDS)

test: ## install what is missing, build with ASan and UBSan, run everything; the last line is `N passed, N failed`
	@tools/deps build test
	@+tests/all

demo: build ## signed mail passes, forged mail is refused, through our own TCP, in namespaces of its own (root)
	@tools/deps test
	@tests/e2e/demo

run: build ## the gateway on a TAP port in a namespace of its own; prints how to send it a mail (root, Ctrl-C ends)
	@tools/deps test
	@tests/e2e/try

VECTORS ?= ../shared/vectors
MODE ?= rfc9989
conformance: build ## conformance cases: VECTORS=directory [MODE=rfc9989|rfc7489]; prints a table by set
	@tools/check/conformance --check build/bin/sekisho-check --mode $(MODE) $(VECTORS)

differential: build ## mutated SPF and DKIM cases, compared with independent verifiers (VECTORS=directory adds seeds)
	@tools/deps differential
	@tests/differential/run $(if $(wildcard $(VECTORS)),--vectors $(VECTORS))

LANES ?= 2000000
crypto-differential: ## LANES signatures of each algorithm through the vector lanes and through OpenSSL (some minutes)
	@tools/deps build
	@+$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=release $(CRYPTO_TWINS:%=build/release/tests/unit/crypto/%)
	@for t in $(CRYPTO_TWINS); do build/release/tests/unit/crypto/$$t $(LANES) || exit 1; done

lint: ## who includes whom, purity of the cores, format, shell scripts, spelling
	@tools/deps build lint
	@+$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=release WERROR=1 B=build/lint lint-objects
	@tools/lint $(patsubst $(B)/%,build/lint/%,$(CORE_OBJECTS)) -- $(SHELL_SCRIPTS)

.PHONY: lint-objects
lint-objects: $(LIB_OBJECTS) $(patsubst %.c,$(B)/%.o,$(wildcard $(MAINS)))

format: ## clang-format in place
	@tools/deps lint
	@clang-format-14 -i $$(git ls-files '*.c' '*.h')

SECONDS ?= 60
FUZZ_TARGETS = $(patsubst tests/fuzz/%/,%,$(sort $(dir $(FUZZ_SOURCES))))
fuzz: ## all fuzz targets for SECONDS each (T=name picks), two at a time
	@tools/deps build fuzz
	@tests/fuzz/run $(SECONDS) $(call picked,$(FUZZ_TARGETS))

ROOM ?= dataplane/net
.PHONY: fuzz-coverage
fuzz-coverage: ## which lines of ROOM the corpora of fuzz targets never reach (T=name picks targets)
	@tools/deps build fuzz
	@tests/fuzz/coverage $(ROOM) $(call picked,$(FUZZ_TARGETS))

fuzz-smoke: ## all fuzz targets for 30 s each
	@+$(MAKE) --no-print-directory fuzz SECONDS=30

bench: build ## figures of this machine into build/bench/result.json (PART=quick leaves out the long ones, PART=tcp or "gateway 4k" picks)
	@tools/deps bench
	@+$(MAKE) --no-print-directory FLAVOUR=release build/release/tools/bench/bench
	@tools/bench/run $(PART)

TOLERANCE ?= 10
.PHONY: bench-diff bench-idle soak
bench-diff: ## what changed from BEFORE=file to build/bench/result.json by more than TOLERANCE percent (10)
	@tools/bench/bench-diff --tolerance $(TOLERANCE) $(BEFORE)

bench-idle: ## 100 000 idle sessions held, and what that costs those that are busy (root; both cores; a minute)
	@+$(MAKE) --no-print-directory bench PART="gateway idle"

MINUTES ?= 60
soak: build ## mail through one gateway for MINUTES (60): memory must stay flat, counters must add up (root; both cores)
	@tools/deps bench
	@tools/bench/soak $(MINUTES)

.PHONY: deb test-deb test-nic
deb: ## the Debian package from what is committed, into build/deb; the same bytes each time
	@tools/deps build deb
	@tools/deb/build

test-deb: deb ## install, serve mail under systemd, upgrade, remove and purge it in a root of its own (root, some minutes)
	@tools/deps test-deb
	@tests/deb/run

test-nic: deb ## mail through emulated NICs that DPDK drives, set up by sekishoctl setup, in a guest of QEMU (root, some minutes)
	@tools/deps test-nic
	@tests/nic/run

.PHONY: image
image: deb ## the bootable image and its signed update, into build/image (root, some minutes; KEY=FILE signs, else ~/.config/sekisho)
	@tools/deps image
	@KEY=$(KEY) tools/image/build

.PHONY: test-image reproduce release-check
test-image: image ## boot the image in QEMU: mail by DPDK's drivers, update, power cut, rollback (root; a quarter of an hour)
	@tools/deps test-image
	@KEY=$(KEY) tests/image/run

reproduce: image ## build package and image again and compare them octet by octet (root, some minutes)
	@KEY=$(KEY) tools/reproduce

release-check: ## all that a release has to pass, one after the other (root, about an hour)
	@+for t in test lint test-deb test-nic test-image; do $(MAKE) --no-print-directory $$t || exit 1; done
	@KEY=$(KEY) tools/reproduce

clean: ## remove build/
	rm -rf build
