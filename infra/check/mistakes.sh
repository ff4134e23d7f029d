#!/usr/bin/env bash
# Makes one mistake after another in a copy of what deploys LeMMing, and fails unless infra/check.sh finds each of them.
set -euo pipefail

home=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=0 missed=0

# part, file, what sed does to it, what must be said
mistake() {
  local part=$1 file=$2 change=$3 said=$4
  rm -rf "$work/tree" && mkdir -p "$work/tree"
  (cd "$home" && cp -r --parents infra .github localstack/compose.yaml "$work/tree")
  sed -i "$change" "$work/tree/$file"
  if cmp -s "$home/$file" "$work/tree/$file"; then
    echo "mistakes: $file: there is nothing to change by $change" >&2
    missed=$((missed + 1))
  elif INFRA_ROOT="$work/tree" "$home/infra/check.sh" "$part" >"$work/said" 2>&1; then
    echo "mistakes: not found in $file: $change" >&2
    missed=$((missed + 1))
  elif ! grep -qiF -- "$said" "$work/said"; then
    echo "mistakes: $file: $change: was refused, but for another reason than \"$said\":" >&2
    tail -5 "$work/said" >&2
    missed=$((missed + 1))
  else
    found=$((found + 1))
  fi
}

stack=infra/aws/template.yaml
mistake aws $stack 's/MemorySize:/MemorySizes:/' MemorySizes
mistake aws $stack 's/!GetAtt LostEvents.Arn/!GetAtt LostEvent.Arn/' LostEvent
mistake aws $stack '0,/- Sid: Read$/{/- Sid: List/,/Resource:/s/Resource: .*/Resource: "*"/}' 'for any resource'
mistake aws $stack 's/Action: s3:DeleteObject/Action: s3:*/' 'any action'
mistake aws $stack 's/^            Action: s3:PutObject$/            Action: [s3:PutObject, s3:GetObject]/' 'more than to put'
mistake aws $stack '/MaxValue: 10240/,/^Resources/s/  LogFilter:/  LogFilters:/' LogFilter
mistake aws $stack 's/    DeletionPolicy: Retain/    DeletionPolicy: Delete/' 'goes with the stack'
mistake aws $stack 's/tick_failed/tick_fails/' 'tick_fails, which no log line says'
mistake aws $stack 's/            ExpiredObjectDeleteMarker: true/            ExpirationInDays: 90/' 'touches current objects'

base=infra/k8s/base
mistake kubernetes $base/ticks.yaml 's/startingDeadlineSeconds/startingDeadlineSecond/' startingDeadlineSecond
mistake kubernetes $base/api.yaml 's/enableServiceLinks/enableServiceLink/' enableServiceLink
mistake kubernetes $base/api.yaml 's/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/' 'has a read-only root'
mistake kubernetes $base/ticks.yaml '/runAsNonRoot/d' 'runs as nobody'
mistake kubernetes $base/ticks.yaml 's/drop: \[ALL\]/add: [NET_ADMIN]/' 'has no capabilities'
mistake kubernetes $base/kustomization.yaml 's/LEMMING_DEADLINE=4m/LEMMING_DEADLINE=30m/' 'leave before they are ended'
mistake kubernetes $base/kustomization.yaml 's/includeSelectors: false/includeSelectors: true/' "reaches the cluster's DNS"
mistake kubernetes $base/network.yaml 's/169.254.0.0\/16, //' 'keeps off the metadata'
mistake kubernetes infra/k8s/overlays/gke/kustomization.yaml '/^images:/,/newTag/d' 'whole, pinned image'
mistake kubernetes infra/k8s/components/shards/kustomization.yaml 's/completions: 8/completions: 4/' 'one number of shards'
mistake kubernetes infra/k8s/overlays/minio/kustomization.yaml 's/- name: minio$/- name: mini/' 'has the secret of'
if [[ -n "${INFRA_KUBERNETES:-}" ]]; then
  mistake kubernetes $base/ticks.yaml 's/restartPolicy: Never/restartPolicy: OnFailure/' 'only "Never" is supported'
fi

mistake docker infra/docker/Dockerfile 's/^USER .*/USER root/' 'DL3002'
mistake docker infra/docker/Dockerfile 's/^COPY benches .*//' 'benches/'
mistake docker infra/docker/compose.yaml 's/pull_policy/pull_polices/' pull_polices
mistake docker infra/docker/compose.yaml 's/      bucket: {cond/      buckets: {cond/' buckets

prom=infra/prometheus
mistake prometheus $prom/lemming.rules.yaml 's/expr: lemming_up == 0/expr: lemming_up = 0/' 'could not parse expression'
mistake prometheus $prom/lemming.rules.yaml 's/lemming_last_tick_age_seconds > 3600/lemming_last_tick_age_seconds > 36000/' LemmingNoTick
mistake prometheus $prom/lemming.rules.yaml 's/ and on(org, instance) lemming_paused == 0//' LemmingNoTick
mistake prometheus $prom/lemming.rules.yaml 's/for: 30m/for: 3s/' LemmingProblems
mistake prometheus $prom/lemming.rules.test.yaml '/eval_time: 60m/{N;/LemmingApprovalsWait/{N;d}}' 'LemmingApprovalsWait is not tested both ways'
mistake prometheus $prom/prometheus.yaml 's/rule_files/rules_files/' rules_files
mistake prometheus infra/grafana/lemming.json 's/"title": "LeMMing",//; 0,/}/s/}/]/' 'line'

flow=.github/workflows
mistake workflows $flow/ci.yml 's/runs-on: ubuntu-24.04/runs-on: ubuntu-14.04/' 'ubuntu-14.04'
mistake workflows $flow/release.yml 's/steps.build.outputs.digest/steps.built.outputs.digest/' built
mistake workflows $flow/release.yml 's/^permissions: {}/permissions: write-all/' 'least permissions'
mistake workflows $flow/release.yml 's/actions\/checkout@v5/actions\/checkout@main/' 'not pinned'

if command -v gcloud >/dev/null; then
  mistake gcp infra/gcp/job.yaml 's/maxRetries/maxRetry/' maxRetry
fi

echo "mistakes: $found found, $missed missed" >&2
[[ $missed -eq 0 ]]
