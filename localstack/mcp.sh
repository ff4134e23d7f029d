#!/usr/bin/env bash
# Installs programs of the Model Context Protocol that others write into .cache/mcp, each once and in a pinned version, and
# runs tests/mcp with them: servers (for files and one that has everything from npm, one that tells the time from PyPI) serve
# agents, and the inspector from npm drives `lemming mcp` and `lemming serve`.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
home="$root/.cache/mcp"
for program in node npm python3; do
  command -v "$program" >/dev/null || { echo "mcp: needs $program" >&2; exit 1; }
done

filesystem=2026.8.31 everything=2026.8.31 time=2026.10.19 inspector=2.12.0
stamp="$home/$filesystem-$everything-$time-$inspector"
if [[ ! -e $stamp ]]; then
  echo "mcp: installing servers and the inspector into .cache/mcp, once" >&2
  rm -rf "$home" && mkdir -p "$home"
  npm install --no-save --no-audit --no-fund --silent --prefix "$home" \
    "@modelcontextprotocol/server-filesystem@$filesystem" "@modelcontextprotocol/server-everything@$everything" \
    "@modelcontextprotocol/inspector@$inspector" >&2
  python3 -m venv "$home/python"
  "$home/python/bin/pip" install --quiet --disable-pip-version-check "mcp-server-time==$time" >&2
  touch "$stamp"
fi

if [[ ${1:-} != install ]]; then
  LEMMING_TEST_MCP="$home" cargo test --locked --test mcp -- --nocapture
fi
