#!/usr/bin/env bash
# Installs servers of object stores into .cache/, each once and in a pinned version:
#
#   localstack/install.sh                    # all of the tests' servers that this machine can have
#   localstack/install.sh versitygw azurite  # these
#   localstack/install.sh cargo-lambda       # the emulator of AWS Lambda, and zig, which links its zips
#
# Go builds versitygw, minio and fake-gcs-server (one to four minutes each); azurite comes from npm,
# localstack and cargo-lambda from PyPI. Prints the names of those that are there in the end. Without names, a
# server whose language is missing is skipped, and said to be; one that cannot be installed although
# its language is there is an error.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cache="$root/.cache"

say() { echo "install: $*" >&2; }

# What must be on the machine to install a server.
language() {
  case $1 in
    versitygw | minio | fake-gcs-server) echo go ;;
    azurite) echo npm ;;
    localstack | cargo-lambda) echo python3 ;;
    *) say "unknown server $1: there are versitygw, minio, fake-gcs-server, azurite, localstack and cargo-lambda"; exit 2 ;;
  esac
}

# One after another: each build uses all cores, and the later ones find what the earlier ones compiled.
from_go() { # name, package, version
  local stamp="$cache/bin/$1.$3"
  [[ -e $stamp && -x $cache/bin/$1 ]] && return
  say "building $1 $3 into .cache/bin, once"
  GOBIN="$cache/bin" CGO_ENABLED=0 go install -ldflags='-s -w' "$2@$3" >&2
  rm -f "$cache/bin/$1".v*
  touch "$stamp"
}

go_servers() {
  for server in "$@"; do
    case $server in
      versitygw) from_go versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0 ;;
      fake-gcs-server) from_go fake-gcs-server github.com/fsouza/fake-gcs-server v1.56.1 ;;
      # The last source that its community edition was published with.
      minio) from_go minio github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c ;;
    esac
  done
}

azurite() {
  local version=3.37.0 home="$cache/azurite"
  [[ -e $home/$version ]] && return
  say "installing azurite $version into .cache/azurite, once"
  rm -rf "$home" && mkdir -p "$home"
  npm install --no-save --no-audit --no-fund --silent --prefix "$home" "azurite@$version" >&2
  touch "$home/$version"
}

localstack() {
  local version=4.13.1 home="$cache/localstack-server"
  [[ -e $home/$version ]] && return
  say "installing localstack $version into .cache/localstack-server, once"
  rm -rf "$home" && python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check \
    "localstack-core[runtime]==$version" 'cbor2<6' 'pyopenssl<26' service_identity >&2
  touch "$home/$version"
}

cargo-lambda() {
  local version=1.9.2 zig=0.17.1 home="$cache/cargo-lambda"
  [[ -e $home/$version-$zig ]] && return
  say "installing cargo-lambda $version and zig $zig into .cache/cargo-lambda, once"
  rm -rf "$home" && python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check "cargo-lambda==$version" "ziglang==$zig" >&2
  touch "$home/$version-$zig"
}

mkdir -p "$cache/bin"
# Two installations at the same time would write into each other.
exec 9>"$cache/install.lock"
command -v flock >/dev/null && flock 9

asked=("$@")
[[ $# -gt 0 ]] || asked=(versitygw fake-gcs-server minio azurite localstack)
go=() others=()
for server in "${asked[@]}"; do
  language=$(language "$server")
  if ! command -v "$language" >/dev/null; then
    say "SKIPPED $server: it needs $language, which is not here"
    [[ $# -eq 0 ]] || exit 1
  elif [[ $language == go ]]; then
    go+=("$server")
  else
    others+=("$server")
  fi
done

# What waits for the network runs beside what keeps the cores busy.
jobs=()
# The empty list is written so for the old bash of macOS.
for server in ${others[@]+"${others[@]}"}; do
  "$server" 9>&- &
  jobs+=("$!:$server")
done
if [[ ${#go[@]} -gt 0 ]]; then
  go_servers "${go[@]}" 9>&- &
  jobs+=("$!:${go[*]}")
fi
failed=0
for job in ${jobs[@]+"${jobs[@]}"}; do
  wait "${job%%:*}" || { say "could not install ${job#*:}"; failed=1; }
done
[[ $failed -eq 0 ]] || exit 1
echo ${go[@]+"${go[@]}"} ${others[@]+"${others[@]}"}
