#!/bin/sh
# need.sh CHECK PACKAGE...: if the command CHECK fails, installs the Debian packages; who is not root is told to.
set -eu
check=$1
shift
if sh -c "$check" >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $*" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends "$@" >&2
    if sh -c "$check" >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "missing: \`$check\` fails." >&2
echo "On Debian, run this as root and try again:  apt-get install $*" >&2
exit 1
