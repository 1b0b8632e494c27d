#!/bin/sh
# Gets the base images of the session image, and where they cannot be pulled, makes stand-ins under the same names: a
# Debian whose C library is that of Ubuntu 20.04 (2.31, bullseye), with Python, and for the other one with Node and npm
# from the package registry. For trying the image alone: nothing that is built on a stand-in is fit to be pushed.
# Usage: base-images.sh [a folder to keep what was made in]
set -eu

DOCKER=${DOCKER:-docker}
NODE_IMAGE=${NODE_IMAGE:-node:24-bookworm-slim}
UBUNTU_IMAGE=${UBUNTU_IMAGE:-ubuntu:20.04}
mirror=http://deb.debian.org/debian
project=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"

main() {
  has_image "$NODE_IMAGE" && has_image "$UBUNTU_IMAGE" && return
  pull "$NODE_IMAGE" && pull "$UBUNTU_IMAGE" && return

  echo "making stand-ins for $NODE_IMAGE and $UBUNTU_IMAGE" >&2
  make_debian "$work/debian"
  import "$work/debian" "$UBUNTU_IMAGE" 'CMD ["/bin/bash"]'
  add_node "$work/debian"
  import "$work/debian" "$NODE_IMAGE" 'CMD ["node"]' "ENV NODE_EXTRA_CA_CERTS=$certificates"
  rm -rf "$work/debian"
}

has_image() {
  "$DOCKER" image inspect "$1" >/dev/null 2>&1
}

pull() {
  has_image "$1" || timeout 120 "$DOCKER" pull --quiet "$1" >/dev/null 2>&1
}

certificates=/etc/ssl/certs/ca-certificates.crt

# A mirror drops a release some years after its end; the next one serves, with a newer C library.
make_debian() {
  for suite in bullseye bookworm; do
    rm -rf "$1"
    debootstrap --variant=minbase --include=ca-certificates,python3-minimal "$suite" "$1" "$mirror" >"$work/debootstrap.log" 2>&1 && break
  done
  [ -x "$1/usr/bin/python3" ] || {
    tail -n 20 "$work/debootstrap.log" >&2
    exit 1
  }
  rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
  # Builds reach the outside as this machine does, through whatever it trusts.
  cp "$certificates" "$1$certificates"
}

# The versions that the project itself runs on.
add_node() {
  node=$(readlink -f "$project/node_modules/.bin/node")
  install -D "$node" "$1/usr/local/bin/node"
  npm install --silent --global --prefix "$1/usr/local" "npm@$(npm --version)" >&2
}

import() {
  folder=$1 image=$2
  shift 2
  for change; do set -- "$@" --change "$change"; shift; done
  tar -C "$folder" --one-file-system -c . | "$DOCKER" import "$@" --message 'a stand-in' - "$image" >/dev/null
}

main
