#!/bin/sh
# Installs what the tests compare archives with, where it is missing: GNU tar, gzip, bsdtar, Python and zstd.
set -eu

sh "$(dirname "$0")/install-packages.sh" 'The tests need' \
  tar:tar gzip:gzip bsdtar:libarchive-tools python3:python3 zstd:zstd
