#!/bin/sh
# Installs what the tests compare archives with, where it is missing: GNU tar, gzip, bsdtar, Python and zstd.
set -eu

missing=
for pair in tar:tar gzip:gzip bsdtar:libarchive-tools python3:python3 zstd:zstd; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  # shellcheck disable=SC2086 # one word for each package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "The tests need these Debian packages (bsdtar is in libarchive-tools): install$missing" >&2
  exit 1
fi
