#!/usr/bin/env bash
# Deploys one organisation to Google Cloud: a bucket, a Cloud Run job that runs ticks, a Cloud Scheduler job that starts
# it, the API if asked for, and three service accounts. It may be run again: what is there is left, or brought up to date.
#
#   PROJECT=my-project REGION=europe-west3 IMAGE=europe-west3-docker.pkg.dev/my-project/lemming/lemming:2.0.0 \
#     infra/gcp/deploy.sh
#
# Further variables: BUCKET [default: PROJECT-lemming], SCHEDULE [*/5 * * * *: what pace.every in org.json says], API=true.
# With DRY_RUN=true it prints the commands and changes nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
: "${PROJECT:?names the Google Cloud project}" "${REGION:?names the region, such as europe-west3}"
: "${IMAGE:?names the image: docs/DEPLOY.md says how to push one}"
export PROJECT REGION IMAGE BUCKET=${BUCKET:-$PROJECT-lemming}
schedule=${SCHEDULE:-*/5 * * * *}
runner="lemming-runner@$PROJECT.iam.gserviceaccount.com"
scheduler="lemming-scheduler@$PROJECT.iam.gserviceaccount.com"
mailer="lemming-mailer@$PROJECT.iam.gserviceaccount.com"

run() {
  if [[ "${DRY_RUN:-}" == true ]]; then
    printf '%q ' "$@"
    echo
  else
    "$@"
  fi
}
cloud() { run gcloud --project "$PROJECT" --quiet "$@"; }
there() { [[ "${DRY_RUN:-}" != true ]] && gcloud --project "$PROJECT" --quiet "$@" >/dev/null 2>&1; }
filled() { sed -e "s|\${PROJECT}|$PROJECT|g" -e "s|\${IMAGE}|$IMAGE|g" -e "s|\${BUCKET}|$BUCKET|g" "$here/$1" >"$work/$1"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cloud services enable run.googleapis.com cloudscheduler.googleapis.com storage.googleapis.com

if ! there storage buckets describe "gs://$BUCKET"; then
  cloud storage buckets create "gs://$BUCKET" --location "$REGION" --uniform-bucket-level-access --public-access-prevention
fi
cloud storage buckets update "gs://$BUCKET" --versioning --lifecycle-file "$here/lifecycle.json"

for account in lemming-runner lemming-scheduler lemming-mailer; do
  if ! there iam service-accounts describe "$account@$PROJECT.iam.gserviceaccount.com"; then
    cloud iam service-accounts create "$account"
  fi
done

# Runs ticks: reads, writes and deletes objects of this bucket. A role for each kind of key would need conditions on
# prefixes, and conditions do not cover listings. (`--condition None`: gcloud asks, once another binding has one.)
cloud storage buckets add-iam-policy-binding "gs://$BUCKET" --member "serviceAccount:$runner" --role roles/storage.objectUser --condition None
# Sends mail: creates objects below ingress/mail/, and writes over none.
cloud storage buckets add-iam-policy-binding "gs://$BUCKET" --member "serviceAccount:$mailer" --role roles/storage.objectCreator \
  --condition "title=mail,expression=resource.name.startsWith('projects/_/buckets/$BUCKET/objects/org/ingress/mail/')"

filled job.yaml
cloud run jobs replace "$work/job.yaml" --region "$REGION"
# Starts the job, and no other.
cloud run jobs add-iam-policy-binding lemming-ticks --region "$REGION" --member "serviceAccount:$scheduler" --role roles/run.invoker

verb=create
if there scheduler jobs describe lemming-ticks --location "$REGION"; then verb=update; fi
cloud scheduler jobs "$verb" http lemming-ticks --location "$REGION" --schedule "$schedule" --time-zone Etc/UTC \
  --uri "https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/lemming-ticks:run" --http-method POST \
  --oauth-service-account-email "$scheduler" --max-retry-attempts 3

if [[ "${API:-}" == true ]]; then
  filled service.yaml
  cloud run services replace "$work/service.yaml" --region "$REGION"
fi
echo "the store is gs://$BUCKET/org: found the organisation with LEMMING_STORE=gs://$BUCKET/org lemming bootstrap --every 5m" >&2
