#!/usr/bin/env bash
# Holds the API to its OpenAPI document, with schemathesis: tests/openapi.
#
#   localstack/openapi.sh                 # every kind of caller
#   localstack/openapi.sh viewer admin    # these
#   localstack/openapi.sh install         # only installs
#
# schemathesis and openapi-spec-validator come from PyPI into .cache/openapi, in the versions of tests/openapi/requirements.txt. LEMMING_BIN names
# another program than a debug build of this checkout; LEMMING_TEST_EXAMPLES how many requests are made up for each operation (6).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
home="$root/.cache/openapi"
command -v python3 >/dev/null || { echo "openapi: needs Python 3.11" >&2; exit 1; }

if ! cmp -s tests/openapi/requirements.txt "$home/installed.txt"; then
  echo "openapi: installing schemathesis into .cache/openapi, once" >&2
  rm -rf "$home" && python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check --requirement tests/openapi/requirements.txt >&2
  cp tests/openapi/requirements.txt "$home/installed.txt"
fi
[[ ${1:-} == install ]] && exit 0

if [[ -z ${LEMMING_BIN:-} ]]; then cargo build --locked --quiet --bin lemming; fi
"$home/bin/python" tests/openapi/run.py "$@"
