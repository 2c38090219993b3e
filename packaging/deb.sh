#!/usr/bin/env bash
# Builds Debian packages out of what `make lib` has built: libzmq5-oxide stands in
# for libzmq5, libzmq3-oxide-dev for libzmq3-dev.
#
#   packaging/deb.sh OUTPUT-DIRECTORY      (or: make deb)
#
# Environment: DIST (where the libraries are), VERSION, FILE_VERSION;
# DEB_REVISION is the part of the packages' version behind the hyphen: without it the time of the last commit is in it, so that a
# later build replaces an earlier one.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
: "${DIST:?}" "${VERSION:?}" "${FILE_VERSION:?}"
"$root/demo/debs.sh" dpkg-dev binutils gcc
mkdir -p "$1"
output=$(cd "$1" && pwd)
architecture=$(dpkg --print-architecture)
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
libdir=/usr/lib/$multiarch
# What a rebuild gives does not depend on the day.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
version=$VERSION-${DEB_REVISION:-1+$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d.%H%M%S)}

runtime=libzmq5-oxide
development=libzmq3-oxide-dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# ---------------------------------------------------------- which file goes where

DIST=$DIST VERSION=$VERSION FILE_VERSION=$FILE_VERSION PREFIX=/usr LIBDIR=$libdir INCLUDEDIR=/usr/include \
    DESTDIR="$work/all" "$root/tools/install.sh" install
mkdir -p "$work/$runtime$libdir" "$work/$development"
mv "$work/all$libdir/libzmq.so.$FILE_VERSION" "$work/all$libdir/libzmq.so.5" "$work/$runtime$libdir/"
# The command compares this library with another one, which there is none of then.
rm -rf "$work/all/usr/bin" "$work/all/usr/share/doc"
mv "$work/all/usr" "$work/$development/"
strip --strip-unneeded "$work/$runtime$libdir/libzmq.so.$FILE_VERSION"
# Where a package puts it, it stays; and a system directory that is spelt in another way would come before those of other libraries.
sed -i 's|^prefix=.*|prefix=/usr|' "$work/$development$libdir/pkgconfig/libzmq.pc"
# Debian's libraries are not executable.
chmod 644 "$work/$runtime$libdir/libzmq.so.$FILE_VERSION"
strip --strip-debug --enable-deterministic-archives "$work/$development$libdir/libzmq.a"

documents() { # PACKAGE
    local directory=$work/$1/usr/share/doc/$1
    install -d "$directory"
    {
        echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
        echo 'Upstream-Name: zmq-oxide'
        echo
        echo 'Files: *'
        sed -n 's/^Copyright (c) /Copyright: /p' "$root/LICENSE-MIT" | head -n 1
        echo 'License: Expat or Apache-2.0'
        echo 'Comment: What else is compiled into the libraries, and under which licences, is in THIRD-PARTY.md beside this file.'
        echo
        echo 'License: Expat'
        sed -n '/^Permission is/,$p' "$root/LICENSE-MIT" | sed -e 's/^$/./' -e 's/^/ /'
        echo
        echo 'License: Apache-2.0'
        echo ' On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.'
    } >"$directory/copyright"
    gzip -9n <"$root/CHANGELOG.md" >"$directory/changelog.gz"
    install -m 644 "$root/DIFFERENCES.md" "$root/THIRD-PARTY.md" "$directory/"
}
documents "$runtime"
documents "$development"

# ---------------------------------------------------------------------- control

shared_library_needs() {
    mkdir -p "$work/shlibs/debian"
    printf 'Source: zmq-oxide\n\nPackage: %s\nArchitecture: any\n' "$runtime" >"$work/shlibs/debian/control"
    (cd "$work/shlibs" && dpkg-shlibdeps -O "$work/$runtime$libdir/libzmq.so.$FILE_VERSION") \
        | sed -n 's/^shlibs:Depends=//p'
}

field_size() { du -k -s --apparent-size "$work/$1" | cut -f1; }
maintainer=$(sed -n 's/^Copyright (c) [0-9, -]*//p' "$root/LICENSE-MIT" | head -n 1)
maintainer="${maintainer:-zmq-oxide} <zmq-oxide@localhost>"

mkdir -p "$work/$runtime/DEBIAN" "$work/$development/DEBIAN"
# The provided versions let in what asks for "libzmq5 (>= 4.3.4)".
cat >"$work/$runtime/DEBIAN/control" <<END
Package: $runtime
Source: zmq-oxide
Version: $version
Architecture: $architecture
Multi-Arch: same
Section: libs
Priority: optional
Maintainer: $maintainer
Installed-Size: $(field_size "$runtime")
Depends: $(shared_library_needs)
Recommends: libgssapi-krb5-2
Provides: libzmq5 (= $version)
Conflicts: libzmq5
Replaces: libzmq5
Description: libzmq written in Rust, in place of libzmq5 (shared library)
 A libzmq.so.5 with the same functions and the same bytes on the wire as
 ZeroMQ's. Programs that use libzmq5 run on it without being compiled again.
 .
 This package takes the place of libzmq5; installing libzmq5 takes it away.
END
cat >"$work/$development/DEBIAN/control" <<END
Package: $development
Source: zmq-oxide
Version: $version
Architecture: $architecture
Multi-Arch: same
Section: libdevel
Priority: optional
Maintainer: $maintainer
Installed-Size: $(field_size "$development")
Depends: $runtime (= $version)
Provides: libzmq3-dev (= $version), libzmq5-dev (= $version)
Conflicts: libzmq-dev, libzmq3-dev, libzmq5-dev
Replaces: libzmq3-dev, libzmq5-dev
Description: libzmq written in Rust, in place of libzmq3-dev (development files)
 The headers, the static library, and the files for pkg-config and CMake of a
 libzmq that is written in Rust.
END
# What is compiled here runs on Debian's library too.
echo "libzmq 5 libzmq5 (>= 4.3.4)" >"$work/$runtime/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$work/$runtime/DEBIAN/triggers"

for package in "$runtime" "$development"; do
    (cd "$work/$package" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$work/$package/DEBIAN/md5sums"
    find "$work/$package" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --build --root-owner-group "$work/$package" "$output/${package}_${version}_$architecture.deb"
done
