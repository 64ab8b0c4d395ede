# What there is to do here. Everything but the OpenAPI linter needs only Go, git
# and make. CONTRIBUTING.md says more.

GO       ?= go
FUZZTIME ?= 1h

.DEFAULT_GOAL := help
.PHONY: help demo build test generate drift lint lint-go lint-openapi fuzz fuzz-short memory bench bench-short clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Check the page's samples and payloads of the wild, send events to a listener, and show it all
	@sh scripts/demo.sh

build: ## Build bin/runhooks
	$(GO) build -o bin/runhooks ./cmd/runhooks

test: ## Run the whole suite
	$(GO) test ./...

generate: ## Regenerate all that is generated
	$(GO) generate ./...
	$(GO) -C bench generate ./...

drift: ## Fail if what is generated isn't what its sources give
	@GO='$(GO)' sh scripts/drift.sh

lint: lint-go lint-openapi ## Run gofmt, go vet, staticcheck and the OpenAPI linter

lint-go:
	@unformatted=$$(find . -name '*.go' ! -path '*/node_modules/*' -exec gofmt -l {} +); \
	if [ -n "$$unformatted" ]; then \
		echo "not formatted; run gofmt -w on:" >&2; echo "$$unformatted" >&2; exit 1; \
	fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/lint/go.mod staticcheck ./...
	cd bench && $(GO) vet ./... && $(GO) tool -modfile=../tools/lint/go.mod staticcheck ./...

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

fuzz-short: ## Fuzz every target for 10 seconds
	@GO='$(GO)' FUZZTIME=10s sh scripts/fuzz.sh

memory: ## Check a gigabyte of NDJSON, and one large .json, and show the peak memory (limits: 64 MiB, and the file and little more)
	$(GO) test ./internal/cli -run TestMemory -memory.bytes=1000000000 -v -count=1 -timeout=1h

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
