#!/bin/sh
# Exits at once; what it started has left its group, its session and its chain of parents, and ignores SIGTERM.
setsid sh -c 'setsid "$0" & exit 0' "$(dirname "$0")/child-ignores-sigterm.mjs" &
wait
