#!/bin/sh
# venv.sh VERSION: makes .venv/VERSION with the interpreter of that version, if it is not there yet.
set -eu
version=$1
venv=.venv/$version
if "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
python=$(make/pythons.sh | awk -v version="$version" '$1 == version { print $2 }')
if [ -z "$python" ]; then
    echo "CPython $version was not found on this machine" >&2
    exit 1
fi
# Debian splits ensurepip off the interpreter.
make/need.sh "'$python' -c 'import venv, ensurepip'" "python$version-venv"
rm -rf "$venv"
"$python" -m venv "$venv"
