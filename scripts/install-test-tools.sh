#!/bin/sh
# Installs what the tests compare archives with, where it is missing: GNU tar, gzip, bsdtar, Python and zstd; a file
# system in user space, which they let go silent; and promtool, which checks metrics.
set -eu

sh "$(dirname "$0")/install-packages.sh" 'The tests need' \
  tar:tar gzip:gzip promtool:prometheus bsdtar:libarchive-tools python3:python3 zstd:zstd bindfs:bindfs
