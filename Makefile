# What there is to do here. Everything but the OpenAPI linter needs only Go, git
# and make. CONTRIBUTING.md says more.

GO       ?= go
FUZZTIME ?= 1h
MUTANTS  ?= 10000000

.DEFAULT_GOAL := help
.PHONY: help demo build wasm docs test test-modules test-browser screenshots test-pre-commit test-simd test-32bit test-platforms race race-newest generate locales drift lint lint-go lint-specs lint-openapi lint-actions fuzz fuzz-short memory load interop mutants bench bench-short bench-delivery bench-delivery-short chaos chaos-short test-release release-prepare release-snapshot apidiff clean

# The modules below this one, but for bench/, so that what they import is not what
# everybody gets who imports Runhooks.
PUBLISHED = pkg/receiver/prometheusobserver pkg/receiver/otelobserver pkg/outbox
MODULES   = $(PUBLISHED) internal/sqldeduptest internal/outboxtest examples/receiver interop

# The newest release of Go. go.mod has the oldest that works.
NEWEST_GO = go1.27.4

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Check payloads, send events to a listener, deliver one by the service, and show it all
	@sh scripts/demo.sh

build: ## Build bin/runhooks as releases are built: without C, so that it starts sooner
	CGO_ENABLED=0 $(GO) build -o bin/runhooks ./cmd/runhooks

wasm: bindings/wasm/runhooks.wasm ## Build the WebAssembly module that the packages of other languages are made of

# The sources are many, so that only go build knows whether there is something to do. -l keeps
# the judge's functions small enough for a JVM, which takes 64 KB.
.PHONY: bindings/wasm/runhooks.wasm
bindings/wasm/runhooks.wasm:
	GOOS=wasip1 GOARCH=wasm $(GO) build -tags wasmmodule -trimpath -ldflags='-s -w' -gcflags=github.com/runhooks/runhooks/internal/validate=-l -buildmode=c-shared -o $@ ./bindings/wasm

docs: wasm ## Write the site to site/: a page that checks payloads in the browser, and one that shows the contract
	$(GO) run ./internal/site -out site

test: ## Run the whole suite
	$(GO) test ./...

test-modules: ## Test what is a module of its own: the adapters, databases, examples and interop
	@for module in $(MODULES); do \
		echo "$(GO) test ./... in $$module"; $(GO) -C $$module test ./... || exit 1; \
	done

# Without npm or Chromium this is a skip by name, which REQUIRE_ALL=1 (as in CI)
# makes a failure. scripts/chromium.sh installs Chromium.
test-browser: ## Test the pages of runhooks serve, and the site, in headless Chromium
	@if ! command -v npm >/dev/null; then missing="npm is not installed"; \
	elif ! command -v "$${CHROMIUM:-chromium}" >/dev/null; then missing="Chromium is not installed"; fi; \
	if [ -z "$$missing" ]; then \
		$(MAKE) --no-print-directory internal/pagestest/node_modules/.package-lock.json wasm && \
		$(GO) -C internal/pagestest test -count=1 -timeout 30m ./...; \
	else \
		echo "SKIP test-browser: $$missing"; \
		[ "$(REQUIRE_ALL)" != 1 ]; \
	fi

screenshots: wasm ## Write screenshots of the pages and of the site to docs/images
	$(GO) -C internal/pagestest test -count=1 -timeout 30m -run TestScreenshots -screenshots=../../docs/images ./...

internal/pagestest/node_modules/.package-lock.json: internal/pagestest/package-lock.json
	npm --prefix internal/pagestest ci --no-audit --no-fund
	@touch $@

test-simd: ## Test the validators as they are with GOEXPERIMENT=simd, on a CPU that has AVX2
	@if [ "$$($(GO) env GOARCH)" = amd64 ] && grep -qw avx2 /proc/cpuinfo 2>/dev/null; then \
		GOEXPERIMENT=simd GOAMD64=v3 $(GO) test ./internal/schemac/scan ./internal/validate; \
	else \
		echo "SKIP test-simd: this is no CPU with AVX2"; \
		[ "$(REQUIRE_ALL)" != 1 ]; \
	fi

# On 386 an int has 32 bits, and a 64-bit Linux runs it. arm is run where there is
# an emulator; that its int has 32 bits, too, 386 has shown.
test-32bit: ## Test pkg on 386, and on arm where qemu-user is installed
	@set -e; for module in . $(PUBLISHED); do \
		echo "386 and arm in $$module"; \
		packages=./...; [ $$module != . ] || packages=./pkg/...; \
		for arch in 386 arm; do GOARCH=$$arch CGO_ENABLED=0 $(GO) -C $$module vet ./...; done; \
		GOARCH=386 CGO_ENABLED=0 $(GO) -C $$module test $$packages; \
		GOARCH=arm CGO_ENABLED=0 $(GO) -C $$module test -c -o /dev/null $$packages; \
		if qemu=$$(command -v qemu-arm-static || command -v qemu-arm); then \
			GOARCH=arm CGO_ENABLED=0 $(GO) -C $$module test -timeout 1h -exec "$$qemu" $$packages; \
		else \
			echo "SKIP running arm in $$module: qemu-arm is not installed; it was compiled"; \
		fi; \
	done

test-platforms: ## Build all, and vet it with its tests, for each platform that a release is for
	@set -e; for module in . $(PUBLISHED); do for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "$$os/$$arch in $$module"; \
		for verb in build vet; do GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 $(GO) -C $$module $$verb ./...; done; \
	done; done; done

# SQLite, translated from C, is not ours to watch for races, and watching makes it ten times
# as slow. To leave it out is safe, since it shares no generic code with other packages: of
# such code the linker keeps one copy, which could be the one that is not watched.
race: ## Run the whole suite, and that of each module below, with the race detector
	@set -e; for module in . bench $(MODULES); do \
		echo "$(GO) test -race ./... in $$module"; \
		$(GO) -C $$module test -race -gcflags=modernc.org/sqlite/lib=-race=false -timeout 30m ./...; \
	done

race-newest: ## Run race on the newest Go, if it can be had
	@if GOTOOLCHAIN=$(NEWEST_GO) $(GO) version; then \
		GOTOOLCHAIN=$(NEWEST_GO) $(MAKE) --no-print-directory race; \
	else \
		echo "SKIP race-newest: $(NEWEST_GO) can't be had"; \
		[ "$(REQUIRE_ALL)" != 1 ]; \
	fi

generate: ## Regenerate all that is generated
	$(GO) generate ./...
	$(GO) -C bench generate ./...
	$(GO) -C interop generate ./...

locales: ## Read anew how Node.js writes times in each locale, from CLDR; needs Java and Maven
	sh tools/locales/generate.sh

drift: ## Fail if what is generated isn't what its sources give
	@GO='$(GO)' sh scripts/drift.sh

lint: lint-go lint-specs lint-openapi lint-actions ## Run gofmt, go vet, staticcheck, runhooks lint, and the linters of OpenAPI and workflows

lint-go:
	@unformatted=$$(find . -name '*.go' ! -path '*/node_modules/*' ! -path '*/generated/*' -exec gofmt -l {} +); \
	if [ -n "$$unformatted" ]; then \
		echo "not formatted; run gofmt -w on:" >&2; echo "$$unformatted" >&2; exit 1; \
	fi
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet -tags wasmmodule ./bindings/wasm
	$(GO) tool -modfile=tools/lint/go.mod staticcheck ./...
	@for module in bench bench/delivery tools/release internal/pagestest $(MODULES); do \
		echo "$(GO) vet, staticcheck in $$module"; \
		(cd $$module && packages=$$($(GO) list ./... | grep -v /generated/) && \
			$(GO) vet $$packages && $(GO) tool -modfile="$$OLDPWD/tools/lint/go.mod" staticcheck $$packages) || exit 1; \
	done

# What is left out, dist also offers without, in receiver-3.0, or in words. The sources
# refer to one another; tools are given dist.
lint-specs:
	$(GO) run ./cmd/runhooks lint --fail-on warning --ignore condition,webhooks-only,status-range,const-in-union \
		'openapi/dist/**/*.yaml' 'openapi/dist/**/*.json'
	$(GO) run ./cmd/runhooks lint --fail-on warning --ignore condition,webhooks-only,status-range,ref-to-file,ref-to-defs \
		openapi/webhooks.yaml openapi/service.yaml 'jsonschema/*/*.json'

# Without npm this is a skip by name, which REQUIRE_ALL=1 (as in CI) makes a
# failure.
lint-openapi:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory tools/openapi-lint/node_modules/.package-lock.json && \
		npm --prefix tools/openapi-lint run lint; \
	else \
		echo "SKIP lint-openapi: npm is not installed"; \
		[ "$(REQUIRE_ALL)" != 1 ]; \
	fi

tools/openapi-lint/node_modules/.package-lock.json: tools/openapi-lint/package-lock.json
	npm --prefix tools/openapi-lint ci --no-audit --no-fund
	@touch $@

# What it would find in shell scripts depends on whether shellcheck is installed.
lint-actions:
	$(GO) tool -modfile=tools/lint/go.mod actionlint -shellcheck= -pyflakes=

fuzz: ## Fuzz every target, each for FUZZTIME (default 1h)
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' sh scripts/fuzz.sh

fuzz-short: ## Fuzz every target for 3 seconds, and the validators against the judge for half a minute
	@GO='$(GO)' FUZZTIME=3s sh scripts/fuzz.sh
	@GO='$(GO)' FUZZTIME=30s sh scripts/fuzz.sh FuzzValidate

memory: ## Check a gigabyte of NDJSON, and one large .json, and show the peak memory (limits: 64 MiB, and the file and little more)
	$(GO) test ./internal/cli -run TestMemory -memory.bytes=1000000000 -v -count=1 -timeout=1h

load: ## Send 100,000 events to a receiver, 200 at a time, beside a handler that only reads them
	$(GO) test ./pkg/receiver -run TestLoad -v -count=1 -load.requests=100000 -timeout=30m

interop: build wasm ## Run the generators, validators, receivers and packages of other languages (INTEROPFLAGS='-only python')
	cd interop && $(GO) run . $(INTEROPFLAGS)

mutants: bench/node/node_modules/.package-lock.json ## Hold the checker, jsonschema/v5, v6 and ajv to each other over MUTANTS (default 10000000) payloads
	cd bench && $(GO) run ./mutants -n $(MUTANTS) $(MUTANTSFLAGS)

bench: build wasm bench/node/node_modules/.package-lock.json bench/.cache/venv ## Compare the validator with others (BENCHFLAGS='--only ajv --rounds 2')
	cd bench && $(GO) run . --results results $(BENCHFLAGS)

bench-short: ## See that the benchmarks run, and that each of the Go peers judges as it should
	cd bench && $(GO) test ./... && $(GO) run . --short

bench-delivery: build ## Measure the delivery service over both stores (DELIVERYFLAGS='-only latency -stores sqlite')
	cd bench/delivery && $(GO) run . -results ../results $(DELIVERYFLAGS) bench

chaos: build ## Break the delivery service in every way, and account for each event (DELIVERYFLAGS as above)
	cd bench/delivery && $(GO) run . -results ../results $(DELIVERYFLAGS) chaos

bench-delivery-short: build ## See that the service's benchmarks run
	cd bench/delivery && $(GO) run . -short $(DELIVERYFLAGS) bench

chaos-short: build ## Break the service a few times
	cd bench/delivery && $(GO) run . -short $(DELIVERYFLAGS) chaos

bench/node/node_modules/.package-lock.json: bench/node/package-lock.json
	npm --prefix bench/node ci --no-audit --no-fund
	@touch $@

# Only a floor needs Python. Without it that row says that it was not run.
bench/.cache/venv: bench/python/requirements.txt
	@if command -v python3 >/dev/null; then \
		python3 -m venv $@ && $@/bin/pip install --quiet --only-binary :all: -r $<; \
	else \
		echo "SKIP simdjson: python3 is not installed"; \
	fi

test-pre-commit: ## Test the hooks with pre-commit, which is installed from PyPI
	sh scripts/precommit.sh $(GO) test -tags precommit -count=1 -run TestPreCommit ./internal/cli

test-release: ## Build a mock release twice and compare, fetch it as a stranger, and see apidiff fail
	$(GO) -C tools/release test -count=1 -timeout 30m ./...

release-prepare: ## Enter VERSION (v0.1.0) in CHANGELOG.md and in the modules that are published
	$(GO) -C tools/release run . prepare "$(VERSION)"

release-snapshot: ## Build into dist/ what a release of the commit that is checked out would have
	rm -rf dist
	$(GO) -C tools/release run . build
	@cd dist && sha256sum --check --quiet checksums.txt && ls -l

apidiff: ## Compare the packages of pkg with those of the last release
	$(GO) -C tools/release run . apidiff

clean: ## Remove what was built
	rm -rf bin dist bindings/wasm/runhooks.wasm bindings/npm/runhooks.wasm bindings/npm/embedded.js interop/bindings/npm/generated interop/bindings/npm/node_modules
	rm -rf tools/openapi-lint/node_modules internal/pagestest/node_modules bench/.cache bench/node/node_modules
	rm -rf interop/*/bin interop/*/generated interop/*/node_modules interop/*/target interop/*/venv interop/*/receiver/target bindings/maven/target interop/bindings/maven/*/target
	rm -rf interop/bindings/*/generated interop/bindings/*/node_modules interop/bindings/*/target interop/bindings/*/venv
