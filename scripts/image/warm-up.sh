#!/bin/sh
# Plays sessions that fail, so that Node leaves the compiled modules in its cache: one for each kind of destination.
set -eu

warm_up() {
  expected=$1
  shift
  code=0
  env SESSION_WORKDIR="$(mktemp -d)" SESSION_SERVER_COMMAND=false SESSION_AGENT_COMMAND=true SESSION_SAVE_TIMEOUT=1s \
    "$@" craftassist-session >/tmp/warm-up.log 2>&1 || code=$?
  [ "$code" = "$expected" ] && return
  cat /tmp/warm-up.log >&2
  echo "the supervisor ended with $code where $expected was due" >&2
  exit 1
}

warm_up 10 SESSION_DESTINATION="$(mktemp -d)" SESSION_DEFLATE=isal
warm_up 20 SESSION_DESTINATION=s3://warm-up AWS_ENDPOINT_URL_S3=http://127.0.0.1:9 SESSION_S3_PATH_STYLE=1 \
  AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_REGION=us-east-1
craftassist-session --version
