#!/usr/bin/env bash
# Drives the dashboard in Chromium, headless, and checks the types of its source: tests/browser.
#
#   localstack/browser.sh                            # all of it
#   localstack/browser.sh --test-name-pattern WORDS  # only tests whose names match
#   localstack/browser.sh install                    # only installs
#
# playwright-core, axe-core and TypeScript come from npm into .cache/browser, in the versions of tests/browser/package-lock.json, whose checksums
# npm holds them to. Chromium is this machine's, or Debian's: installed where root runs this, and otherwise unpacked into .cache/chromium.
# LEMMING_CHROMIUM names another one, LEMMING_BIN another program than a debug build of this checkout. UPDATE_IMAGES=1 takes the screenshots of
# docs/images anew.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
home="$root/.cache/browser"
unpacked="$root/.cache/chromium"
for program in node npm; do
  command -v "$program" >/dev/null || { echo "browser: needs $program" >&2; exit 1; }
done

packages() {
  local lock=tests/browser/package-lock.json
  cmp -s "$lock" "$home/installed.json" && return
  echo "browser: installing playwright-core, axe-core and TypeScript into .cache/browser, once" >&2
  rm -rf "$home" && mkdir -p "$home"
  cp tests/browser/package.json "$lock" "$home/"
  npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund --silent >&2
  cp "$lock" "$home/installed.json"
}

# Unpacks Debian's Chromium, and every library of it that this machine lacks, without becoming root.
unpack() {
  local names
  # What apt would install, asked without installing anything.
  names=$(apt-get install --simulate --no-install-recommends chromium fonts-dejavu-core | awk '/^Inst /{print $2}') || return 1
  [[ -n $names ]] || return 1
  rm -rf "$unpacked" && mkdir -p "$unpacked/packages"
  (cd "$unpacked/packages" && xargs apt-get download -qq <<<"$names" >&2) || return 1
  for package in "$unpacked"/packages/*.deb; do dpkg -x "$package" "$unpacked/root"; done
  rm -r "$unpacked/packages"
  [[ -x $unpacked/root/usr/lib/chromium/chromium ]]
}

find_chromium() {
  if [[ -n ${LEMMING_CHROMIUM:-} ]]; then return; fi
  for program in chromium chromium-browser google-chrome; do
    if command -v "$program" >/dev/null; then export LEMMING_CHROMIUM; LEMMING_CHROMIUM=$(command -v "$program"); return; fi
  done
  if [[ ! -x $unpacked/root/usr/lib/chromium/chromium ]]; then
    command -v apt-get >/dev/null || return 1
    echo "browser: installing Debian's Chromium, once" >&2
    if [[ $(id -u) == 0 ]] && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >&2; then
      LEMMING_CHROMIUM=$(command -v chromium) && export LEMMING_CHROMIUM && return
    fi
    unpack || return 1
  fi
  local libraries
  libraries=$(find "$unpacked/root/usr/lib" "$unpacked/root/lib" -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd:)
  export LEMMING_CHROMIUM="$unpacked/root/usr/lib/chromium/chromium" LEMMING_CHROMIUM_LIBRARIES="$libraries"
}

packages
if ! find_chromium; then
  echo "browser: SKIPPED, there is no Chromium here and Debian's packages cannot be had: install one, or name it with LEMMING_CHROMIUM"
  exit 0
fi
[[ ${1:-} == install ]] && exit 0

if [[ -z ${LEMMING_BIN:-} ]]; then cargo build --locked --quiet --bin lemming; fi
node --test-reporter=spec "$@" tests/browser/main.mjs
