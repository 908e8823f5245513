# make test is the gate: everything that must hold before a change goes in. Its parts can be run alone.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 2s
FUZZTIME_PDU ?= 30s
BENCHTIME ?= 1s
SOAKTIME ?= 1h

.PHONY: test format vet lint race fuzz cross build deb deb-test bench soak docs interop-usb

test: format vet lint race cross fuzz

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o trunkline ./cmd/trunkline

# Debian packages below dist: see .ci/deb.
deb:
	.ci/deb dist amd64 arm64 armhf

# The package is reproducible and installs and removes cleanly: see .ci/deb-test.
deb-test:
	.ci/deb-test

format:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted by gofmt: $$out"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags pack ./cmd/trunkline

lint:
	$(GO) run $(STATICCHECK) ./...

race:
	$(GO) test -race -timeout 15m ./...

# Every fuzz target for FUZZTIME, those of the codec for FUZZTIME_PDU: see .ci/fuzz.
fuzz:
	.ci/fuzz $(FUZZTIME) $(FUZZTIME_PDU)

# The program and the tests for the machines that gateways run on. -trimpath for both, so that what one compiles the other finds.
cross:
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 $(GO) build -trimpath -o /dev/null ./cmd/trunkline
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) vet -trimpath ./... && CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -o /dev/null ./cmd/trunkline
	CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7 $(GO) vet -trimpath ./... && CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=7 $(GO) build -trimpath -o /dev/null ./cmd/trunkline

# All benchmarks, one package after the other. Those of the store and the socket measure the disk beside it and print ratios to it.
bench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -p 1 -timeout 60m ./...

# Long runs under load and faults: tests whose names begin with TestSoak run for SOAKTIME.
soak:
	TRUNKLINE_SOAK=$(SOAKTIME) $(GO) test -run '^TestSoak' -v -timeout 0 -p 1 ./...

# Pages and files that are made from the source.
docs:
	$(GO) test ./config -run '^TestReference$$' -update
	$(GO) test ./cmd/trunkline -run '^TestPage$$' -update

# Real USB plugging in a virtual machine with a Debian kernel: see .ci/interop-usb/run. Takes minutes and downloads a kernel once.
interop-usb:
	.ci/interop-usb/run
