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

fuzz() { # target
  local found=.cache/fuzz/$1 artifacts=fuzz/artifacts/$1 log=.cache/fuzz/$1.log
  mkdir -p "$found" "$artifacts"
  # libFuzzer runs all seeds first: each must hold.
  if target/fuzz/debug/"$1" -runs="$runs" -max_total_time="$seconds" -artifact_prefix="$artifacts/" \
    "$found" "fuzz/corpus/$1" >"$log" 2>&1; then
    printf '== %s\n%s\n' "$1" "$(grep -E '^(#[0-9]+.*(INITED|DONE)|Done )' "$log")"
  else
    printf '== %s\n%s\n%s failed: the input is in %s\n' "$1" "$(grep -a -m1 -A3 panicked "$log" || tail -40 "$log")" "$1" "$artifacts"
    return 1
  fi
}

# Two at a time: each keeps one core busy.
while [[ ${#targets[@]} -gt 0 ]]; do
  running=()
  for target in "${targets[@]:0:2}"; do
    fuzz "$target" &
    running+=($!)
  done
  failed=0
  for one in "${running[@]}"; do wait "$one" || failed=1; done
  [[ $failed -eq 0 ]] || exit 1
  targets=("${targets[@]:2}")
done
