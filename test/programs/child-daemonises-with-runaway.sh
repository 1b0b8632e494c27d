#!/bin/sh
# Exits at once; it has started a daemon, whose own child was given no environment and has a session of its own.
setsid sh -c 'env -i setsid "$0" "$1" & exec "$0" "$1"' "$(command -v node)" "$(dirname "$0")/child-ignores-sigterm.mjs" &
exit 0
