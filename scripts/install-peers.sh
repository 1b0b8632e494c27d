#!/bin/sh
# Installs what the bench races against, where it is missing. Debian and its kin, as root.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  awscli gzip pigz rclone tar zstd
