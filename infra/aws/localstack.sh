#!/usr/bin/env bash
# Creates the AWS stack in LocalStack on this machine, checks and uses what it made, and deletes it: buckets, roles,
# notifications, functions and their URL, alarms. No account and no container: functions run as processes
# (localstack/server.py): a stand-in that logs the events it gets, and then the program itself, LEMMING_BIN or a debug
# build of this checkout, if there is one. Needs Python 3.11; 500 MB in .cache/, once.
#
# What LocalStack cannot show: it enforces no IAM (the policies are worked out from their texts), runs no schedule (its
# event is sent by hand), applies no encryption, public access block or lifecycle when it makes a bucket and no
# retention to logs, and has no metric filters. cfn-lint checks those parts against AWS's own schemas (infra/check.sh).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if ! command -v python3 >/dev/null; then
  echo "localstack: SKIPPED: it needs Python, which is not here" >&2
  exit 0
fi
"$root/localstack/install.sh" localstack >/dev/null
python="$root/.cache/localstack-server/bin/python"

work=$(mktemp -d)
finish() {
  if [[ -n "${server:-}" ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

mkdir "$work/logs" "$work/tmp"
(cd "$here/localstack" && "$python" -m zipfile -c "$work/lemming.zip" bootstrap)
program=${LEMMING_BIN:-$root/target/debug/lemming} real=()
if [[ -x $program ]]; then
  mkdir "$work/real"
  # Functions may not be larger than 250 MB, and a debug build is.
  strip -o "$work/real/bootstrap" "$program"
  case $(uname -m) in aarch64 | arm64) machine=arm64 ;; *) machine=x86_64 ;; esac
  (cd "$work/real" && "$python" -m zipfile -c "$work/lemming-$machine.zip" bootstrap)
  real=("$work/lemming-$machine.zip" "$program")
else
  echo "localstack: SKIPPED the program itself: $program is not there (cargo build)" >&2
fi
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Without the variables that would lead a client elsewhere, and without asking the network for anything.
env -u AWS_PROFILE -u AWS_ENDPOINT_URL TMPDIR="$work/tmp" \
  LEMMING_FUNCTION_LOGS="$work/logs" GATEWAY_LISTEN="127.0.0.1:$port" DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 \
  DNS_ADDRESS=0 SERVICES=s3,cloudformation,iam,sts,scheduler,events,lambda,logs,sns,sqs,ssm,cloudwatch,ec2 \
  "$python" "$here/localstack/server.py" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 600); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && grep -q '^Ready' "$work/log" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done

if ! "$python" "$here/localstack/check.py" "http://127.0.0.1:$port" "$work/lemming.zip" "$work/logs" ${real[@]+"${real[@]}"}; then
  echo "localstack: the server's log ends:" >&2
  tail -20 "$work/log" >&2
  exit 1
fi
