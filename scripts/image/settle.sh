#!/bin/sh
# Makes the session image of a Craftassist image: the supervisor, a user for its children, and what the base may lack.
# Usage: settle.sh <the supervisor's folder>
set -eu

install_packages() {
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
  rm -rf /var/lib/apt/lists/*
}

# The project was called droidlet before it was called fairo; the supervisor looks for it under its first name.
if [ ! -e /droidlet ] && [ -d /fairo ]; then ln -s fairo /droidlet; fi
if [ ! -d /droidlet ]; then
  echo "this is no Craftassist image: there is neither /droidlet nor /fairo in it" >&2
  exit 1
fi

cp -a "$1" /opt/craftassist-session
ln -s /opt/craftassist-session/bin/craftassist-session /usr/local/bin/craftassist-session

# Cuberite of 2018 writes its log line by line only under stdbuf.
command -v stdbuf >/dev/null || install_packages coreutils

groupadd --gid 10001 craftassist
useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin craftassist

# Where Python lives in root's home (Miniconda), the children have to get through there; they can list nothing.
case "$(readlink -f "$(command -v python3 || true)")" in
  /root/*) chmod go+x /root ;;
esac

# The supervisor hands it to the children's user at the start, on volumes too.
mkdir -p /droidlet/workdir
chgrp 10001 /droidlet/workdir
chmod 1775 /droidlet/workdir
