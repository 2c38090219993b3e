# zmq-oxide: what can be done here. `make help` lists it.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:

VERSION := 4.3.5
# The file version of the reference's 4.3.5, whose place this library takes.
FILE_VERSION := 5.2.5

export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Where cargo puts what it builds for another machine.
RELEASE := $(CARGO_TARGET_DIR)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release
TARGET := $(CURDIR)/target
DIST := $(TARGET)/dist

PREFIX ?= /usr/local
# Empty: where the system keeps them below PREFIX.
LIBDIR ?=
INCLUDEDIR ?=
DESTDIR ?=

# How often `make soak` runs the whole suite.
N ?= 20

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

# ---------------------------------------------------------------------- building

# Listing the crate types here, and not taking those of Cargo.toml, is what makes
# link-time optimisation work: beside an rlib cargo leaves it out.
.PHONY: lib
lib: ## the shared and the static library, with header, into target/dist
	cargo rustc --release --lib --crate-type cdylib,staticlib
	@install -d "$(DIST)/lib" "$(DIST)/include"
	@install -m 755 "$(RELEASE)/libzmq.so" "$(DIST)/lib/libzmq.so.$(FILE_VERSION)"
	@ln -sf libzmq.so.$(FILE_VERSION) "$(DIST)/lib/libzmq.so.5"
	@ln -sf libzmq.so.5 "$(DIST)/lib/libzmq.so"
	@tools/archive.sh "$(RELEASE)/libzmq.a" "$(DIST)/lib/libzmq.a"
	@install -m 644 include/*.h "$(DIST)/include/"

.PHONY: command
command: ## the command zmq-oxide, into target/dist/bin
	CARGO_TARGET_DIR="$(TARGET)/command" cargo build --release --locked --manifest-path command/Cargo.toml
	@install -d "$(DIST)/bin"
	@install -m 755 "$(TARGET)/command/release/zmq-oxide" "$(DIST)/bin/"

.PHONY: header
header: ## write include/*.h anew from src/capi
	tools/header.sh

# Runs the generator on the real place, and puts back what was there.
.PHONY: header-check
header-check: ## fail when include/*.h is not what src/capi gives
	@rm -rf "$(TARGET)/header-check" && mkdir -p "$(TARGET)/header-check"
	@cp -a include "$(TARGET)/header-check/committed"
	@status=0; tools/header.sh || status=$$?; \
	cp -a include "$(TARGET)/header-check/generated"; \
	cp -a "$(TARGET)/header-check/committed/." include/; \
	[ $$status -eq 0 ] || exit $$status; \
	if diff -ru "$(TARGET)/header-check/committed" "$(TARGET)/header-check/generated"; \
	then echo "header: up to date"; \
	else echo "header: stale, run 'make header'" >&2; exit 1; fi

.PHONY: clean
clean: ## remove everything that was built
	cargo clean
	rm -rf "$(TARGET)"

# ------------------------------------------------------------------------ showing

.PHONY: demo
demo: ## C and Python programs on this library, alone and mixed with the reference
	demo/run.sh

# ------------------------------------------------------------------------ testing

.PHONY: deps
deps: ## install the Debian packages that the tests need, if they are missing
	@demo/debs.sh gcc libc6-dev make libzmq5 libzmq3-dev pkg-config valgrind iproute2 util-linux \
		libgssapi-krb5-2 krb5-kdc krb5-admin-server krb5-user

.PHONY: test
test: deps suites ## install what is needed and run every suite

.PHONY: suites
suites: unit loom capi capi-noinline abidiff gssapi conformance interop-quick examples clients-quick install-check

# cargo prints a line for each test binary; this adds the sum, and fails also
# when no test ran.
define cargo_suite
@mkdir -p "$(TARGET)"; status=0; \
{ $(2); } 2>&1 | tee "$(TARGET)/$(1).log" || status=$$?; \
awk '/^test result:/ { passed += $$4; failed += $$6 } \
	END { printf "$(1): %d passed, %d failed\n", passed, failed; exit passed == 0 }' \
	"$(TARGET)/$(1).log" || status=1; \
exit $$status
endef

.PHONY: unit
unit: ## the tests beside the code
	$(call cargo_suite,unit,cargo test && CARGO_TARGET_DIR="$(TARGET)/command" cargo test --locked --manifest-path command/Cargo.toml)

.PHONY: loom
loom: ## the lock-free parts under every interleaving
	$(call cargo_suite,loom,RUSTFLAGS="$${RUSTFLAGS-} --cfg loom" CARGO_TARGET_DIR="$(TARGET)/loom" \
		CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo test --release --lib loom_)

.PHONY: capi
capi: lib ## C programs on zmq.h, on the reference and on this library
	capi-tests/run.sh --lib "$(DIST)/lib"

.PHONY: capi-noinline
capi-noinline: lib ## the same with every connection driven by the I/O threads
	OURS_ONLY=1 ZMQ_OXIDE_INLINE=off capi-tests/run.sh --lib "$(DIST)/lib" | sed -u 's/^capi:/capi-noinline:/'

.PHONY: gssapi
gssapi: lib ## GSSAPI against a Kerberos server of its own, on both libraries
	@demo/debs.sh libgssapi-krb5-2 krb5-kdc krb5-admin-server krb5-user
	capi-tests/gssapi/run.sh --lib "$(DIST)/lib"

.PHONY: abidiff
abidiff: lib ## the exported functions and their types against Debian's libzmq5, each difference explained
	capi-tests/abi/abidiff.sh --lib "$(DIST)/lib"

.PHONY: conformance
conformance: lib ## the reference's own tests, on the reference and on this library
	conformance/run.sh --lib "$(DIST)/lib"

.PHONY: interop
interop: lib ## every pattern and transport with the reference at the other end
	interop/run.sh --lib "$(DIST)/lib"

.PHONY: interop-quick
interop-quick: lib ## the same with fewer messages
	interop/run.sh --lib "$(DIST)/lib" --quick

.PHONY: interop-gssapi
interop-gssapi: lib ## the same with GSSAPI, against a Kerberos server of its own
	@demo/debs.sh libgssapi-krb5-2 krb5-kdc krb5-admin-server krb5-user
	capi-tests/gssapi/kdc.sh interop/run.sh --lib "$(DIST)/lib" --mechanisms "gssapi-a gssapi-b gssapi-plain-a gssapi-plain-b"

.PHONY: examples
examples: lib ## the patterns of the guide under faults, on the reference and on this library
	zguide-examples/run.py --lib "$(DIST)/lib" --within 360

.PHONY: install-check
install-check: lib ## install into a stage, build programs with pkg-config, uninstall
	demo/install-check.sh

.PHONY: clients
clients: lib command ## programs and bindings of others on this library, with pyzmq's own test-suite
	clients/run.sh --lib "$(DIST)/lib"

.PHONY: clients-quick
clients-quick: lib command ## the parts of it that download little: ends of processes, two libraries, the command
	clients/run.sh --lib "$(DIST)/lib" processes command

.PHONY: soak
soak: ## every suite N times in a row, several at a time (make soak N=20)
	tools/soak.sh $(N)

.PHONY: lint
lint: ## formatting, clippy and rustdoc, warnings denied; atomics come from src/sync alone; THIRD-PARTY.md is up to date
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps
	cargo fmt --check --manifest-path command/Cargo.toml
	CARGO_TARGET_DIR="$(TARGET)/command" cargo clippy --locked --all-targets --manifest-path command/Cargo.toml -- -D warnings
	! grep -rn 'std::sync::atomic' src --include='*.rs' --exclude-dir=sync
	tools/third-party.sh --check

# ---------------------------------------------------------------------- measuring

.PHONY: bench
bench: lib ## the table of speed against the reference, and benches/chart.svg, the picture in README.md
	benches/run.sh --full --lib "$(DIST)/lib"
	benches/chart.py "$(TARGET)/bench/full.json" benches/chart.svg

.PHONY: bench-inner
bench-inner: ## instructions of the inner parts, compared with the committed ones
	benches/instructions.sh

.PHONY: bench-quick
bench-quick: lib ## the same in under two minutes
	benches/run.sh --quick

.PHONY: chart
chart: lib ## the same picture of the most important rows alone
	benches/run.sh --quick --lib "$(DIST)/lib"
	benches/chart.py "$(TARGET)/bench/quick.json" benches/chart.svg

# --------------------------------------------------------------------- installing

# Only built when it is not there, so that `sudo make install` needs no cargo.
$(DIST)/lib/libzmq.so.$(FILE_VERSION):
	$(MAKE) --no-print-directory lib

# tools/install.sh knows the places, and chooses LIBDIR and INCLUDEDIR when they are not given.
INSTALL := DIST="$(DIST)" VERSION=$(VERSION) FILE_VERSION=$(FILE_VERSION) PREFIX="$(PREFIX)" LIBDIR="$(LIBDIR)" \
	INCLUDEDIR="$(INCLUDEDIR)" DESTDIR="$(DESTDIR)" tools/install.sh

.PHONY: install
install: $(DIST)/lib/libzmq.so.$(FILE_VERSION) ## PREFIX, LIBDIR, INCLUDEDIR, DESTDIR as usual; the command too, if built
	$(INSTALL) install

.PHONY: uninstall
uninstall: ## remove what `make install` with the same settings put there
	$(INSTALL) uninstall

.PHONY: deb
deb: lib ## Debian packages in place of libzmq5 and libzmq3-dev, into target/deb
	@rm -rf "$(TARGET)/deb"
	DIST="$(DIST)" VERSION=$(VERSION) FILE_VERSION=$(FILE_VERSION) packaging/deb.sh "$(TARGET)/deb"

.PHONY: deb-check
deb-check: deb ## install them with apt in a throw-away copy of the system, use them, remove them; as root or with sudo
	packaging/deb-check.sh "$(TARGET)"/deb/*.deb
