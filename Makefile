# make demo   the main job: events become partitioned Parquet
# make test   everything a change must pass
# make soak   the same tests at full count: rounds, seeds, fuzz minutes
# make bench  speed, against peers on the same machine
# make lint   vet, staticcheck, formatting

GO ?= go
BIN := bin/gros

.PHONY: build demo test soak bench lint

build:
	@$(GO) build -o $(BIN) ./cmd/gros

demo: build
	@sh examples/demo.sh $(BIN)

test: lint
	CGO_ENABLED=0 $(GO) build ./...
	$(GO) test -timeout 15m ./...

soak: lint
	GROS_SOAK=1 $(GO) test -timeout 150m -count 1 ./...
	sh test/fuzz.sh

bench: build
	$(GO) run ./test/bench -gros $(BIN)

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
