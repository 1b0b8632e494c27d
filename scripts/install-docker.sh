#!/bin/sh
# Installs what the image is built and tried with, where it is missing: Docker's engine and client, what the engine
# needs for its networks, and what makes a Debian base where no image can be pulled.
set -eu

# An engine that answers, with a client that can build, is all that it takes.
docker version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 && exit 0

sh "$(dirname "$0")/install-packages.sh" 'The image is tried with' \
  /usr/sbin/dockerd:docker.io /usr/bin/docker:docker.io iptables:iptables debootstrap:debootstrap
