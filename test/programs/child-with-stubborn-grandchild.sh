#!/bin/sh
# Ends on SIGTERM, and leaves a child behind that does not.
"$(dirname "$0")/child-ignores-sigterm.mjs" &
wait
