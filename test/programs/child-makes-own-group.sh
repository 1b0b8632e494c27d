#!/usr/bin/env bash
# Job control: what it starts has a process group of its own in the same session.
set -m
"$(dirname "$0")/child-ends-on-sigterm.mjs" &
wait
