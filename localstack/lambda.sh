#!/usr/bin/env bash
# Runs an organisation as a Lambda function on this machine, without containers and without an account:
#
#   localstack/lambda.sh [SECONDS]   # of the schedule; 60 unless it says otherwise
#
# Starts a local S3 server, founds the example organisation in its bucket if there is none, runs the
# real program in an emulator of Lambda's runtime interface, invokes it on a schedule, and wakes it
# when mail arrives. Needs Go and Python, to install the two servers once. Ctrl-C stops all of it;
# localstack/down.sh stops what was left by a kill. All it writes is in .cache/, which git ignores.
#
# LEMMING_BIN: the program, instead of a debug build of this checkout.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
home="${LEMMING_LOCAL_HOME:-$root/.cache/localstack}"
every=${1:-60}
[[ $every =~ ^[1-9][0-9]*$ ]] || { echo "usage: localstack/lambda.sh [SECONDS]" >&2; exit 2; }

"$root/localstack/install.sh" versitygw cargo-lambda >/dev/null
program=${LEMMING_BIN:-}
if [[ -z $program ]]; then
  cargo build --locked --manifest-path "$root/Cargo.toml" --bin lemming
  program="$root/target/debug/lemming"
fi
# Whatever an earlier run left behind would be in the way.
"$root/localstack/down.sh"
exec python3 "$root/localstack/lambda.py" --root "$root" --home "$home" --program "$program" \
  --emulator "$root/.cache/cargo-lambda/bin/cargo-lambda" --every "$every" --instances 2
