#!/usr/bin/env bash
# Runs tests/liars.rs against servers that break the promise of create: s3rver (npm) ignores the
# condition, s3s-fs (cargo) keeps it only while nobody races. Stops them afterwards.
#
# s3s-fs takes about five minutes to build, so it is built only with LEMMING_LIARS=all, and tested
# once it is there. All they write is in .cache/, which git ignores.
set -euo pipefail

s3rver=3.7.1
s3s_fs=0.14.1
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
home="$root/.cache/liars"
racer="$root/.cache/tools/bin/s3s-fs"
command -v node >/dev/null || { echo "liars: needs Node (https://nodejs.org)" >&2; exit 1; }

if [[ ! -x "$home/node_modules/.bin/s3rver" ]]; then
  echo "liars: installing s3rver $s3rver into .cache/liars, once" >&2
  mkdir -p "$home"
  npm install --no-save --no-audit --no-fund --silent --prefix "$home" "s3rver@$s3rver" >&2
fi
if [[ ! -x "$racer" && "${LEMMING_LIARS:-}" == all ]]; then
  echo "liars: building s3s-fs $s3s_fs into .cache/tools, once (about five minutes)" >&2
  cargo install s3s-fs --version "$s3s_fs" --locked --features binary \
    --root .cache/tools --target-dir .cache/tools/target >&2
fi

data=$(mktemp -d "$home/data.XXXXXX")
servers=()
finish() {
  for server in "${servers[@]}"; do
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  done
  rm -rf "$data"
}
trap finish EXIT

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

# The server that was started last answers on this port, or this ends.
await() {
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "liars: $2 did not start; it said:" >&2
  tail -5 "$data/$2.log" >&2
  exit 1
}

liars=""
add() { liars+="$1=s3://bucket/$1?endpoint=http://127.0.0.1:$2&region=us-east-1&allow_http=true&access_key_id=$3&secret_access_key=$4 "; }

port=$(free_port)
"$home/node_modules/.bin/s3rver" -d "$data/ignores" -a 127.0.0.1 -p "$port" --configure-bucket bucket >"$data/s3rver.log" 2>&1 &
servers+=($!)
await "$port" s3rver
add s3rver "$port" S3RVER S3RVER

if [[ -x "$racer" ]]; then
  port=$(free_port)
  mkdir -p "$data/races/bucket"
  "$racer" --host 127.0.0.1 --port "$port" --access-key test --secret-key testtest "$data/races" >"$data/s3s-fs.log" 2>&1 &
  servers+=($!)
  await "$port" s3s-fs
  add s3s-fs "$port" test testtest
else
  echo "liars: s3s-fs is not there and not tested; LEMMING_LIARS=all builds it" >&2
fi

LEMMING_TEST_LIARS=$liars cargo test --locked --test liars -- --nocapture
