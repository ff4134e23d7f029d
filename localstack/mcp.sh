#!/usr/bin/env bash
# Installs real programs of the Model Context Protocol into .cache/, each once and in a pinned version, and runs
# tests/mcp with them: its inspector drives `lemming mcp` over standard input and output, and `lemming serve` over HTTP.
set -euo pipefail

inspector=2.12.0
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
command -v node >/dev/null || { echo "mcp: needs Node (https://nodejs.org)" >&2; exit 1; }

from_npm() { # folder below .cache, packages with their versions
  local home="$root/.cache/$1"
  local stamp="$home/${*//[^a-zA-Z0-9.]/-}"
  shift
  [[ -e $stamp ]] && return
  echo "mcp: installing $* into ${home#"$root/"}, once" >&2
  rm -rf "$home" && mkdir -p "$home"
  npm install --no-save --no-audit --no-fund --silent --prefix "$home" "$@" >&2
  touch "$stamp"
}

from_npm inspector "@modelcontextprotocol/inspector@$inspector"

LEMMING_TEST_INSPECTOR="$root/.cache/inspector/node_modules/.bin/mcp-inspector" \
  cargo test --locked --test mcp -- --nocapture
