#!/usr/bin/env bash
# Fuzzes every target, or those named after the two numbers: so many runs each (-1: no end), for so many seconds at
# most. On the stable compiler. New inputs go to .cache/fuzz, and those that fail to fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:?how many runs} seconds=${2:?how many seconds}
shift 2
targets=("$@")
[[ $# -gt 0 ]] || targets=(contract record key store_url ingress files)

RUSTC_WRAPPER=$PWD/fuzz/instrument.sh ${CARGO:-cargo} build --locked --quiet \
  --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --bins

for target in "${targets[@]}"; do
  found=.cache/fuzz/$target artifacts=fuzz/artifacts/$target
  mkdir -p "$found" "$artifacts"
  echo "== $target"
  # libFuzzer runs all seeds first: each must hold.
  log=$found.log
  if ! target/fuzz/debug/"$target" -runs="$runs" -max_total_time="$seconds" -artifact_prefix="$artifacts/" \
    "$found" "fuzz/corpus/$target" >"$log" 2>&1; then
    grep -a -m1 -A3 panicked "$log" || tail -40 "$log"
    echo "$target failed: the input is in $artifacts"
    exit 1
  fi
  grep -E '^(#[0-9]+.*(INITED|DONE)|Done )' "$log" || true
done
