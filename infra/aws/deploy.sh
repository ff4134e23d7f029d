#!/usr/bin/env bash
# Creates the stack of infra/aws/template.yaml, or brings it up to date:
#
#   infra/aws/deploy.sh STACK ZIP [PARAMETER=VALUE ...]
#   infra/aws/deploy.sh lemming target/lambda/lemming-arm64.zip AlarmEmail=me@example.com
#
# The zip is put under a name made of its contents into a private bucket of this account and region, which is made if it is
# missing; so every version that was ever deployed stays there, and going back is CodeKey=FORMER-NAME (`-` as the ZIP).
# Needs the AWS command line interface, and permission to make what the template names.
set -euo pipefail

[[ $# -ge 2 ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
stack=$1 zip=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)

region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
: "${region:?set AWS_REGION}"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region
bucket="lemming-code-$(aws sts get-caller-identity --query Account --output text)-$region"

parameters=("CodeBucket=$bucket")
if [[ $zip != - ]]; then
  case $zip in
    *x86_64*) parameters+=(Architecture=x86_64) ;;
    *arm64*) parameters+=(Architecture=arm64) ;;
    *) echo "deploy: $zip: the name does not say for which machine it is: arm64 or x86_64" >&2; exit 2 ;;
  esac
  if ! aws s3api head-bucket --bucket "$bucket" 2>/dev/null; then
    aws s3 mb "s3://$bucket" >&2
    aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
      BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  fi
  name=$(basename "$zip" .zip)
  key="$name-$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$zip").zip"
  if ! aws s3api head-object --bucket "$bucket" --key "$key" >/dev/null 2>&1; then
    aws s3 cp --only-show-errors "$zip" "s3://$bucket/$key"
  fi
  parameters+=("CodeKey=$key")
  echo "deploy: the program is s3://$bucket/$key" >&2
fi

# Parameters that are not named keep the values that the stack has.
aws cloudformation deploy --stack-name "$stack" --template-file "$here/template.yaml" --no-fail-on-empty-changeset \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --parameter-overrides "${parameters[@]}" "$@" >&2
aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text
