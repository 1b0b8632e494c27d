#!/bin/sh
# Installs the Postgres that several instances of servermgr are tried with, where it is missing. No cluster is made.
set -eu

for bin in /usr/lib/postgresql/*/bin/initdb; do
  [ ! -x "$bin" ] || exit 0
done
sh "$(dirname "$0")/install-packages.sh" 'servermgr is tried with' initdb:postgresql
