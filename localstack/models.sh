#!/usr/bin/env bash
# Runs the tests of providers against an independent implementation of their interfaces
# (@copilotkit/aimock, from npm) on this machine. Stops it afterwards.
set -euo pipefail

version=1.43
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
home="$root/.cache/aimock"
command -v node >/dev/null || { echo "models: needs Node (https://nodejs.org)" >&2; exit 1; }

if [[ ! -x "$home/node_modules/.bin/llmock" ]]; then
  echo "models: installing @copilotkit/aimock $version into .cache/aimock, once" >&2
  mkdir -p "$home"
  npm install --no-save --no-audit --no-fund --silent --prefix "$home" "@copilotkit/aimock@$version" >&2
fi

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
"$home/node_modules/.bin/llmock" -h 127.0.0.1 -p "$port" -f tests/providers/aimock.json --log-level silent &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  kill -0 "$server" 2>/dev/null || { echo "models: the server did not start" >&2; exit 1; }
  sleep 0.1
done

LEMMING_TEST_AIMOCK_URL="http://127.0.0.1:$port/" cargo test --locked --test providers -- --nocapture independent
