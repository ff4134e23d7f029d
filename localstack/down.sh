#!/usr/bin/env bash
# Stops the server that localstack/up.sh started. The bucket stays; `--clean` deletes it too.
set -euo pipefail

run=$(cd "$(dirname "$0")/.." && pwd)/.cache/localstack

if [[ -f "$run/pid" ]]; then
  pid=$(<"$run/pid")
  # The number may belong to somebody else by now.
  if [[ "$(ps -o comm= -p "$pid" 2>/dev/null)" == versitygw ]]; then
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    echo "localstack: stopped" >&2
  fi
  rm -f "$run/pid" "$run/port"
fi

if [[ "${1:-}" == --clean ]]; then
  rm -rf "$run"
fi
