#!/usr/bin/env bash
# Installs the servers of object stores that this machine can have, and runs tests/servers over
# all of them: conformance, races, kills, and a bad network. Each server is started by its test on
# a free port of the loopback address, and ends with it. LEMMING_TEST_CEPH=1 adds Ceph's gateway.
set -euo pipefail

cd "$(dirname "$0")/.."
servers=$(localstack/install.sh)
if [[ -n "${LEMMING_TEST_CEPH:-}" ]]; then
  localstack/ceph.sh install
  servers="$servers ceph"
fi
echo "test-servers: $servers" >&2
# Two at a time: a test is a server and eight runners.
LEMMING_TEST_SERVERS=$servers cargo test --locked --test servers -- --nocapture --test-threads=2
