#!/bin/sh
# Builds native/deflate.node, by which archives are deflated with ISA-L, where it is not built yet, and installs what that
# takes: a C compiler and Debian's libisal. Without it the supervisor deflates with zlib.
set -eu
cd "$(dirname "$0")/.."

addon=native/deflate.node
[ "$addon" -nt native/deflate.c ] && exit 0

if ! printf '#include <stdio.h>\n#include <isa-l.h>\n' | cc -E - >/dev/null 2>&1; then
  sh scripts/install-packages.sh 'ISA-L needs' cc:gcc libc-headers:libc6-dev isa-l-headers:libisal-dev
fi

# Node's own headers, beside the Node that runs it.
headers=$(dirname "$(readlink -f node_modules/.bin/node)")/../include/node
# Node names what it provides at run time, and the library may lie beside the addon.
cc -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared -DNODE_GYP_MODULE_NAME=deflate -DNAPI_VERSION=8 \
  -I "$headers" native/deflate.c -Wl,-rpath,'$ORIGIN' -lisal -o "$addon.new"
mv "$addon.new" "$addon"
