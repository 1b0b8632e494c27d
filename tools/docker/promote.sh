#!/bin/sh
# The name by which images have been promoted for years: tools/docker/promote.sh <tag or digest> [tag to put on it].
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: $0 <tag or digest> [tag to put on it: latest]" >&2
  exit 64
fi
if [ -z "${REMOTE:-}${AWS_REGION:-}${AWS_DEFAULT_REGION:-}" ]; then
  export AWS_REGION=us-west-1
  echo "neither REMOTE nor AWS_REGION is set: us-west-1, as it always was, in the account of the credentials"
fi
cd "$(dirname "$0")/../.."
[ -x node_modules/.bin/node ] || npm ci
exec node_modules/.bin/node scripts/promote.ts ${2:+--to "$2"} -- "$1"
