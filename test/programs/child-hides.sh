#!/bin/sh
# Ends on SIGTERM; what it started has an empty environment and ignores SIGTERM, but has stayed in the session.
env -i "$(command -v node)" "$(dirname "$0")/child-ignores-sigterm.mjs" &
wait
