#!/usr/bin/env bash
# Starts a local S3 server (versitygw over a folder) with one empty bucket, and prints the
# variables that point lemming to it:
#
#   eval "$(localstack/up.sh)"
#
# All it writes is in .cache/, which git ignores (or in LEMMING_LOCAL_HOME). Stop it with
# localstack/down.sh. It keeps its port from one start to the next, unless somebody else has taken it.
#
# LEMMING_LOCAL_WEBHOOK: where it is to notify of every object that is written or deleted. Whoever
# listens there must do so before.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin="$root/.cache/bin"
run="${LEMMING_LOCAL_HOME:-$root/.cache/localstack}"
bucket=lemming

say() { echo "localstack: $*" >&2; }

show() {
  cat <<END
export AWS_ACCESS_KEY_ID=test
export AWS_SECRET_ACCESS_KEY=testtest
export LEMMING_STORE='s3://$bucket/org?endpoint=http://127.0.0.1:$1&region=us-east-1&allow_http=true'
END
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

if [[ -f "$run/pid" && -f "$run/port" ]] && kill -0 "$(<"$run/pid")" 2>/dev/null && answers "$(<"$run/port")"; then
  say "is already up on port $(<"$run/port")"
  show "$(<"$run/port")"
  exit 0
fi

"$root/localstack/install.sh" versitygw >/dev/null

# A bucket of its posix backend is a folder.
mkdir -p "$run/buckets/$bucket"

arguments=(--quiet)
[[ -z ${LEMMING_LOCAL_WEBHOOK:-} ]] || arguments+=(--event-webhook-url "$LEMMING_LOCAL_WEBHOOK")
former=$(cat "$run/port" 2>/dev/null || true)
for _ in 1 2 3 4 5; do
  port=${former:-$((20000 + RANDOM % 10000))}
  former=""
  answers "$port" && continue
  ROOT_ACCESS_KEY=test ROOT_SECRET_KEY=testtest \
    nohup "$bin/versitygw" "${arguments[@]}" --port "127.0.0.1:$port" posix "$run/buckets" >"$run/log" 2>&1 &
  pid=$!
  for _ in $(seq 100); do
    if ! kill -0 "$pid" 2>/dev/null; then
      break
    elif answers "$port"; then
      echo "$pid" >"$run/pid"
      echo "$port" >"$run/port"
      say "is up on port $port; its objects are plain files in ${run#"$root/"}/buckets/$bucket"
      show "$port"
      exit 0
    fi
    sleep 0.1
  done
  kill "$pid" 2>/dev/null || true
done

say "did not start; its log ends:"
tail -5 "$run/log" >&2
exit 1
