#!/usr/bin/env bash
# Builds what is released: for each machine a zip for AWS Lambda and an archive with the program.
#
#   infra/package.sh                # for x86_64 and arm64, or those of them that this machine can build for
#   infra/package.sh arm64          # for this one
#
#   target/lambda/lemming-x86_64.zip                                    the function: one file, `bootstrap`
#   target/package/lemming-2.0.0-x86_64-unknown-linux-gnu.tar.gz        the program, its licences and its README
#   target/package/SHA256SUMS                                           of all of them
#
# zig links both, against an old C library, so that they run on the runtime provided.al2023 and on
# every Linux of the last years; a program that needs a newer one fails the build. The only time in
# zip and archive is that of the commit, so that the same program gives the same bytes. Needs Rust (by
# rustup, for the other machine) and Python.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# What the program is linked against: Amazon Linux 2, RHEL 8, Debian 10, Ubuntu 18.04 or newer.
glibc=2.26
# What provided.al2023 has, the oldest that it must run on.
runtime_glibc=2.34

say() { echo "package: $*" >&2; }

rust_target() {
  case $1 in
    x86_64) echo x86_64-unknown-linux-gnu ;;
    arm64) echo aarch64-unknown-linux-gnu ;;
    *) say "unknown machine $1: there are x86_64 and arm64"; exit 2 ;;
  esac
}

# Whether the compiler's libraries for a target are here; tries to get them.
has_target() {
  [[ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]] && return
  command -v rustup >/dev/null && timeout 300 rustup target add "$1" >&2
}

machines=("$@")
[[ $# -gt 0 ]] || machines=(x86_64 arm64)
for machine in "${machines[@]}"; do rust_target "$machine" >/dev/null; done

localstack/install.sh cargo-lambda >/dev/null
export PATH="$root/.cache/cargo-lambda/bin:$PATH"
version=$(sed -n 's/^version = "\([^"]*\)".*/\1/p' Cargo.toml | head -1)
# What zip and tar write down as the time of every file.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)
export SOURCE_DATE_EPOCH

mkdir -p target/lambda target/package
rm -f target/lambda/lemming-*.zip target/package/*
built=0
for machine in "${machines[@]}"; do
  target=$(rust_target "$machine")
  if ! has_target "$target"; then
    say "SKIPPED $machine: the compiler's libraries for $target are not here and cannot be had (rustup target add $target)"
    [[ $# -eq 0 ]] || exit 1
    continue
  fi
  say "building for $machine"
  # `--disable-optimizations` leaves the profile as Cargo.toml has it: cargo-lambda's own would abort on a panic,
  # which has to end one invocation and no more, and would ask for processors that not everybody has.
  cargo-lambda lambda build --release --locked --bin lemming --target "$target.$glibc" --disable-optimizations \
    --config 'profile.release.strip="symbols"' --output-format binary --lambda-dir target/lambda/build
  # cargo-lambda moves the program there.
  python3 infra/package.py --program target/lambda/build/lemming/bootstrap --machine "$machine" --glibc "$runtime_glibc" \
    --zip "target/lambda/lemming-$machine.zip" --archive "target/package/lemming-$version-$target.tar.gz"
  built=$((built + 1))
done
rm -rf target/lambda/build
[[ $built -gt 0 ]] || { say "nothing was built"; exit 1; }
cp target/lambda/lemming-*.zip target/package/
(cd target/package && sha256sum -- *.zip *.tar.gz >SHA256SUMS && cat SHA256SUMS)
