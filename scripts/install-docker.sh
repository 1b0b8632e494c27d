#!/bin/sh
# Installs what the image is built and tried with, where it is missing: Docker's engine and client, what the engine
# needs for its networks, and what makes a Debian base where no image can be pulled.
set -eu

# An engine that answers, with a client that can build, is all that it takes.
docker version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1 && exit 0

missing=
for pair in /usr/sbin/dockerd:docker.io /usr/bin/docker:docker.io iptables:iptables debootstrap:debootstrap; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  # The engine is started by whoever needs it: nothing may run after this.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get update -qq
  # shellcheck disable=SC2086 # one word for each package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "The image is tried with these Debian packages: install$missing" >&2
  exit 1
fi
