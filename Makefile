# Thin: what is worth knowing is in the scripts and the tests that these call.

CARGO ?= cargo
TOOLS := .cache/tools

.PHONY: demo chaos test lint fmt clippy doc deny advisories bench load kills sim scale test-servers test-lambda models test-mcp test-liars test-browser test-openapi fuzz fuzz-long infra infra-localstack package ci

demo: ## Build, and show a small organisation at work in ./demo-org
	$(CARGO) run --locked --quiet -- demo

chaos: ## Kill six of eight runners in the middle of model calls, and audit what they leave in ./chaos-org (a former one is removed)
	if [ -e chaos-org/config/chaos.json ]; then rm -r chaos-org; fi
	$(CARGO) run --locked --quiet -- demo --chaos

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

# Without optimisation: it is built more often than it is waited for.
$(TOOLS)/bin/cargo-deny:
	$(CARGO) install cargo-deny --version 0.20.2 --locked --debug --root $(TOOLS)

bench: ## The figures of docs/BENCHMARKS.md
	$(CARGO) bench --locked

load: ## 200 who listen and 100 requests a second on a served process while ticks run (LEMMING_LOAD_SECONDS=60)
	$(CARGO) bench --locked --bench live

kills: ## The SIGKILL test with thousands of kills, all writes durable, eight runners at once
	LEMMING_ONCE_KILLS=2000 LEMMING_KILLS=5000 LEMMING_KILL_FSYNC=1 LEMMING_KILL_RUNNERS=8 $(CARGO) test --locked --test kill -- --nocapture

SEEDS ?= 2000

sim: ## The real engine in simulated worlds, with crashes everywhere and without each rule (SEEDS=100000: on demand)
	$(CARGO) run --locked --profile sim --features sim --bin sim -- --seeds $(SEEDS) --crashes 6 --mutants 1500

scale: ## Ticks of 10,000 and 100,000 agents on 1, 8 and 64 runners, over a simulated S3 (docs/BENCHMARKS.md)
	$(CARGO) run --locked --profile sim --features sim --bin scale -- --agents 10000 --runners 1,8,64 --later
	$(CARGO) run --locked --profile sim --features sim --bin scale -- --agents 100000 --runners 1,8,64 --later

test-servers: ## Stores and kills on real servers, which it installs and starts (needs Go, Node and Python)
	localstack/test-servers.sh

test-lambda: ## The program as a Lambda function, in an emulator that it installs and starts (needs Go and Python)
	localstack/test-lambda.sh

test-mcp: ## MCP servers of others serve agents, and an inspector of others drives `lemming mcp` (needs Node and Python)
	localstack/mcp.sh

models: ## The tests of providers against an independent implementation (needs Node)
	localstack/models.sh

test-liars: ## Servers that break the promise of create are refused (needs Node; s3s-fs too: LEMMING_LIARS=all)
	localstack/liars.sh

test-browser: ## Every view and action of the dashboard in Chromium, and the types of its source (needs Node, and Debian or a Chromium)
	localstack/browser.sh

test-openapi: ## The API against its own document, for every kind of caller (needs Python)
	localstack/openapi.sh

fuzz: ## Every seed of every fuzz target, changed 2,000 times or for 20 seconds each
	fuzz/run.sh 2000 20

fuzz-long: ## Ten minutes for each fuzz target
	fuzz/run.sh -1 600

package: ## The zip for AWS Lambda and the archive of a release, for each machine that this one can build for (needs Python)
	infra/package.sh

infra: ## All that deploys: templates, manifests, image, workflows; and that each check finds a mistake (needs Python and Go)
	infra/check.sh

infra-localstack: ## Creates the AWS stack in LocalStack, uses it and deletes it; no account, no container (needs Python 3.11)
	$(CARGO) build --locked --quiet --bin lemming
	infra/aws/localstack.sh

ci: test lint fuzz sim test-servers test-lambda models test-mcp test-liars test-browser test-openapi infra infra-localstack
