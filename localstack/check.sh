#!/usr/bin/env bash
# Runs the store's tests against a real S3 server on this machine. Stops the server afterwards if
# it was not up before.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

if [[ ! -f .cache/localstack/pid ]]; then
  trap localstack/down.sh EXIT
fi
exports=$(localstack/up.sh)
eval "$exports"
LEMMING_TEST_S3_URL=$LEMMING_STORE cargo test --test s3 -- --nocapture
