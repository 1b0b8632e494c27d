#!/bin/sh
# Exits at once; it has started a daemon, and in the daemon's session an orphan that was given no environment.
setsid sh -c '(env -i "$0" "$1" &); exec "$0" "$1"' "$(command -v node)" "$(dirname "$0")/child-ignores-sigterm.mjs" &
exit 0
