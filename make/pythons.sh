#!/bin/sh
# Prints the CPython interpreters of this machine that the product supports, one "VERSION PATH" a line.
# A python3.x on the PATH may be a shim that runs nothing, so each one is tried.
set -eu

try() {
    version=$1
    candidate=$2
    [ -x "$candidate" ] || return 1
    found=$("$candidate" -c 'import sys; print(sys.implementation.name, "%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 1
    [ "$found" = "cpython $version" ] || return 1
    echo "$version $candidate"
}

for version in 3.11 3.12 3.13; do
    for candidate in \
        "$(command -v "python$version" || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/"python$version" \
        /usr/local/bin/"python$version" /opt/python*/bin/"python$version" \
        "$(command -v python3 || true)"; do
        if try "$version" "$candidate"; then
            break
        fi
    done
done
