# Namelet. The default target lists the rest.

GO ?= go
BIN := bin/responder

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/responder
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/responder

.PHONY: run
run: build ## Start a server on loopback with a sample zone and guest, and print what to dig
	@./deploy/demo/run $(BIN)

.PHONY: test
test: tools ## Run every test (the race detector where goroutines meet)
	$(GO) test ./...
	$(GO) test -race -short $$($(GO) list $(RACE) | grep -v /store/spanner)

# Packages whose tests run goroutines against each other. Those of store/spanner would
# fail: where a stream is cut its client library writes one variable from two
# goroutines (grpc.Header of a call that is repeated).
RACE := ./internal/... ./store/... ./runtime

.PHONY: test-deploy
test-deploy: tools ## Build the image and run it; hold the manifests and the chart against Kubernetes' types
	$(GO) -C deploy/check vet .
	$(GO) -C deploy/check test -v -timeout 300s .

.PHONY: check
check: ## Format, vet, staticcheck, tidy, import rules
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt -w these files:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	GOOS=wasip1 GOARCH=wasm $$($(GO) tool -n staticcheck) -tests=false -checks inherit,-U1000 ./sdk ./guests/...
	$(GO) mod tidy -diff
	$(GO) test ./internal/deptest

.PHONY: tools
tools: ## Look for the tools that tests need, and install what is missing where apt and root are at hand
	@.ci/tools

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (default 30s)
	@.ci/fuzz $(or $(FUZZTIME),30s)

.PHONY: bench
bench: ## Run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-peers
bench-peers: build ## Measure beside NSD, Knot, gdnsd, BIND, PowerDNS and CoreDNS: 15 minutes on two idle cores (ARGS: flags of bench)
	@bench/tools
	$(GO) -C bench/coredns build -o ../../bin/bench/coredns github.com/coredns/coredns
	$(GO) -C bench/coredns build -o ../../bin/bench/backend ./backend
	$(GO) build -o bin/bench/bench ./bench
	bin/bench/bench -o docs/BENCHMARKS.md $(ARGS)

.PHONY: image
image: ## Build the image for amd64 and arm64 with docker or podman (NAME=REGISTRY/namelet, ARCHES=..., TAGS=nospanner, PUSH=yes)
	@ARCHES="$(ARCHES)" TAGS="$(TAGS)" PUSH="$(PUSH)" deploy/image $(NAME)

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
