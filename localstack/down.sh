#!/usr/bin/env bash
# Stops the server that localstack/up.sh started, and what localstack/lambda.sh left behind if it was
# killed. The bucket stays; `--clean` deletes it too.
set -euo pipefail

run=${LEMMING_LOCAL_HOME:-$(cd "$(dirname "$0")/.." && pwd)/.cache/localstack}

# Ends a process and waits for it, if it is still the one that was noted: its number may belong to
# somebody else by now.
end() { # number, what its command line has to contain
  [[ "$(ps -o args= -p "$1" 2>/dev/null)" == *"$2"* ]] || return 0
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 300); do
    # One that has ended, and that nobody has waited for, is gone for us.
    case "$(ps -o stat= -p "$1" 2>/dev/null)" in "" | Z*) return 0 ;; esac
    sleep 0.1
  done
  kill -9 "$1" 2>/dev/null || true
}

if [[ -f "$run/lambda.pids" ]]; then
  # The first is lambda.py, which ends the others itself, unless it was killed.
  while read -r pid what; do
    end "$pid" "$what"
  done <"$run/lambda.pids"
  rm -f "$run/lambda.pids"
fi

if [[ -f "$run/pid" ]]; then
  if pid=$(cat "$run/pid" 2>/dev/null); then
    end "$pid" versitygw
    echo "localstack: stopped" >&2
  fi
  rm -f "$run/pid"
fi

if [[ "${1:-}" == --clean ]]; then
  rm -rf "$run"
fi
