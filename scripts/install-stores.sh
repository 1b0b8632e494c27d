#!/bin/sh
# Installs the real S3 stores that the tests are run against, where they are missing: Ceph's object gateway and
# OpenStack Swift. About 260 MB.
set -eu

sh "$(dirname "$0")/install-packages.sh" 'The tests with real stores need' \
  radosgw:radosgw ceph-mon:ceph-mon ceph-osd:ceph-osd ceph:ceph-common \
  swift-proxy-server:swift-proxy swift-account-server:swift-account swift-container-server:swift-container \
  swift-object-server:swift-object memcached:memcached
