#!/bin/sh
# What cargo runs in place of rustc (RUSTC_WRAPPER): tells the compiler to count which edges of our own code an input
# reaches, and what it compares, for libFuzzer. These are flags of the stable compiler; cargo-fuzz passes the same.
# Dependencies are built as always: what is looked for is in ours, and they need not be built again.
rustc=$1
shift
case " $* " in
*" --crate-name lemming "* | *" --crate-name ground "* | *" fuzz_targets/"*)
  exec "$rustc" "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0
  ;;
*) exec "$rustc" "$@" ;;
esac
