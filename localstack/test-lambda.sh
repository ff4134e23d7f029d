#!/usr/bin/env bash
# Installs an S3 server and the emulator of Lambda's runtime interface, and runs tests/lambda: the real
# program as a function, invoked for real. Each test starts its own on free ports of the loopback
# address, and they end with it. Needs Go and Python.
set -euo pipefail

cd "$(dirname "$0")/.."
localstack/install.sh versitygw cargo-lambda >/dev/null
LEMMING_TEST_LAMBDA=1 cargo test --locked --test lambda -- --nocapture --test-threads=2
