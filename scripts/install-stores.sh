#!/bin/sh
# Installs the real S3 stores that the tests are run against, where they are missing: Ceph's object gateway and
# OpenStack Swift. About 260 MB; none of their services is started.
set -eu

missing=
for pair in radosgw:radosgw ceph-mon:ceph-mon ceph-osd:ceph-osd ceph:ceph-common \
  swift-proxy-server:swift-proxy swift-account-server:swift-account swift-container-server:swift-container \
  swift-object-server:swift-object memcached:memcached; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  # The tests start stores of their own, in folders of their own.
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
  echo "The tests with real stores need these Debian packages, which only root may install:$missing" >&2
  exit 1
fi
