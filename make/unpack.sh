#!/bin/sh
# unpack.sh FOLDER PACKAGE...: the files of Debian packages, below FOLDER. Nothing is installed, so that no daemon of
# theirs starts.
set -eu
folder=$1
shift
command -v apt-get >/dev/null || { echo "missing: apt-get, to get $*" >&2; exit 1; }
rm -rf "$folder"
mkdir -p "$folder/packages"
get() { (cd "$folder/packages" && apt-get download -qq "$@"); }
# Where the lists of packages were never fetched, or are so old that the files are gone.
get "$@" 2>/dev/null || { apt-get update -qq >&2 && get "$@"; } || {
    echo "could not get $*. On Debian, run this as root and try again:  apt-get update" >&2
    exit 1
}
for package in "$folder"/packages/*.deb; do
    dpkg -x "$package" "$folder"
done
rm -rf "$folder/packages"
