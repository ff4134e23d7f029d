# Thin: what is worth knowing is in the scripts and the tests that these call.

CARGO ?= cargo
TOOLS := .cache/tools

.PHONY: demo test lint fmt clippy doc deny advisories bench kills test-servers models fuzz ci

demo: ## Build, and show a small organisation at work in ./demo-org
	$(CARGO) run --locked --quiet -- demo

test: ## All tests
	$(CARGO) test --locked

lint: fmt clippy doc deny

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --locked --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

# Advisories need the advisory database, which is fetched from the network: `make advisories`.
deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny --log-level error --locked check bans licenses sources

advisories: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny --locked check advisories

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install cargo-deny --version 0.20.2 --locked --root $(TOOLS)

bench: ## The figures of docs/BENCHMARKS.md
	$(CARGO) bench --locked

kills: ## The SIGKILL test with thousands of kills, all writes durable, eight runners at once
	LEMMING_KILLS=5000 LEMMING_KILL_FSYNC=1 LEMMING_KILL_RUNNERS=8 $(CARGO) test --locked --test kill -- --nocapture

test-servers: ## Stores and kills on real servers, which it installs and starts (needs Go, Node and Python)
	localstack/test-servers.sh

models: ## The tests of providers against an independent implementation (needs Node)
	localstack/models.sh

# Uninstrumented, on the stable compiler: every input of the corpus still holds.
fuzz:
	$(CARGO) run --locked --quiet --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --bin contract -- -runs=0 fuzz/corpus/contract

ci: test lint fuzz test-servers models
