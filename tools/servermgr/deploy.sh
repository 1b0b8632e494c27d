#!/bin/sh
# The name by which the server manager has been deployed for years: see scripts/deploy.sh.
exec "$(dirname "$0")/../../scripts/deploy.sh" "$@"
