#!/bin/sh
# Lives until SIGTERM. In its group lies a zombie, whose parent has moved out, ignores SIGTERM and never waits for it.
sh -c 'true & exec setsid sh -c "trap \"\" TERM; echo zombie $! of \$\$; exec sleep 600"' &
wait
