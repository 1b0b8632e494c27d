#!/bin/sh
# Installs Debian's Chromium, which the browser test drives, where there is none yet.
set -eu

if command -v chromium >/dev/null 2>&1; then
  echo "chromium is there: $(command -v chromium)"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "Chromium is missing, and there is no apt-get: install it, and name it in CHROMIUM" >&2
  exit 1
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
command -v chromium
