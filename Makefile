# What there is to do here. Everything but the OpenAPI linter needs only Go, git
# and make. CONTRIBUTING.md says more.

GO       ?= go
FUZZTIME ?= 1h

.DEFAULT_GOAL := help
.PHONY: help demo build test test-modules test-simd generate drift lint lint-go lint-specs lint-openapi fuzz fuzz-short memory load interop bench bench-short clean

# The modules below this one, but for bench/, so that what they import is not what
# everybody gets who imports Runhooks.
MODULES = pkg/receiver/prometheusobserver pkg/receiver/otelobserver examples/receiver interop

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Check the page's samples and payloads of the wild, send events to a listener, and show it all
	@sh scripts/demo.sh

build: ## Build bin/runhooks
	$(GO) build -o bin/runhooks ./cmd/runhooks

test: ## Run the whole suite
	$(GO) test ./...

test-modules: ## Test the adapters and the examples, which are modules of their own
	@for module in $(MODULES); do \
		echo "$(GO) test ./... in $$module"; $(GO) -C $$module test ./... || exit 1; \
	done

test-simd: ## Test the validators as they are with GOEXPERIMENT=simd, on a CPU that has AVX2
	@if [ "$$($(GO) env GOARCH)" = amd64 ] && grep -qw avx2 /proc/cpuinfo 2>/dev/null; then \
		GOEXPERIMENT=simd GOAMD64=v3 $(GO) test ./internal/schemac/scan ./internal/validate; \
	else \
		echo "SKIP test-simd: this is no CPU with AVX2"; \
		[ "$(REQUIRE_ALL)" != 1 ]; \
	fi

generate: ## Regenerate all that is generated
	$(GO) generate ./...
	$(GO) -C bench generate ./...
	$(GO) -C interop generate ./...

drift: ## Fail if what is generated isn't what its sources give
	@GO='$(GO)' sh scripts/drift.sh

lint: lint-go lint-specs lint-openapi ## Run gofmt, go vet, staticcheck, runhooks lint and the OpenAPI linter

lint-go:
	@unformatted=$$(find . -name '*.go' ! -path '*/node_modules/*' -exec gofmt -l {} +); \
	if [ -n "$$unformatted" ]; then \
		echo "not formatted; run gofmt -w on:" >&2; echo "$$unformatted" >&2; exit 1; \
	fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/lint/go.mod staticcheck ./...
	@for module in bench $(MODULES); do \
		echo "$(GO) vet, staticcheck in $$module"; \
		(cd $$module && $(GO) vet ./... && $(GO) tool -modfile="$$OLDPWD/tools/lint/go.mod" staticcheck ./...) || exit 1; \
	done

# What is left out, dist also offers without, or in words. The sources refer to
# one another, and have the discriminator that OpenAPI needs; tools are given dist.
lint-specs:
	$(GO) run ./cmd/runhooks lint --fail-on warning --ignore condition,webhooks-only \
		'openapi/dist/**/*.yaml' 'openapi/dist/**/*.json'
	$(GO) run ./cmd/runhooks lint --fail-on warning --ignore condition,webhooks-only,ref-to-file,ref-to-defs,discriminator-in-schema \
		openapi/webhooks.yaml 'jsonschema/*/*.json'

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

fuzz: ## Fuzz every target, each for FUZZTIME (default 1h)
	@GO='$(GO)' FUZZTIME='$(FUZZTIME)' sh scripts/fuzz.sh

fuzz-short: ## Fuzz every target for 10 seconds, and the validators against the judge for a minute
	@GO='$(GO)' FUZZTIME=10s sh scripts/fuzz.sh
	@GO='$(GO)' FUZZTIME=1m sh scripts/fuzz.sh FuzzValidate

memory: ## Check a gigabyte of NDJSON, and one large .json, and show the peak memory (limits: 64 MiB, and the file and little more)
	$(GO) test ./internal/cli -run TestMemory -memory.bytes=1000000000 -v -count=1 -timeout=1h

load: ## Send 100,000 events to a receiver, 200 at a time, beside a handler that only reads them
	$(GO) test ./pkg/receiver -run TestLoad -v -count=1 -load.requests=100000 -timeout=30m

interop: build ## Run the generators, validators and receivers of other languages (INTEROPFLAGS='-only python')
	cd interop && $(GO) run . $(INTEROPFLAGS)

bench: build bench/node/node_modules/.package-lock.json bench/.cache/venv ## Compare the validator with others (BENCHFLAGS='--only ajv --rounds 2')
	cd bench && $(GO) run . --results results $(BENCHFLAGS)

bench-short: ## See that the benchmarks run, and that each of the Go peers judges as it should
	cd bench && $(GO) test ./... && $(GO) run . --short

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

clean: ## Remove what was built
	rm -rf bin tools/openapi-lint/node_modules bench/.cache bench/node/node_modules
	rm -rf interop/*/bin interop/*/generated interop/*/node_modules interop/*/target interop/*/venv interop/*/receiver/target
