#!/usr/bin/env bash
# Installs what `make lib` has built, or removes it again. `make install` and `make uninstall` call it.
#
#   tools/install.sh install|uninstall
#
# Environment: PREFIX, LIBDIR, INCLUDEDIR, DESTDIR, DIST (where the libraries are), VERSION, FILE_VERSION.
#
# Without LIBDIR the directory is what builds with CMake take too: under /usr that of the machine's architecture if the
# system has such directories (/usr/lib/x86_64-linux-gnu), otherwise PREFIX/lib, or PREFIX/lib64 on systems that keep
# 64-bit libraries there.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
: "${DIST:?}" "${VERSION:?}" "${FILE_VERSION:?}"
prefix=$(realpath -ms "${PREFIX:-/usr/local}")
destdir=${DESTDIR:-}

multiarch() {
    local name
    name=$(${CC:-cc} -print-multiarch 2>/dev/null) || name=
    [ -n "$name" ] || name=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null) || name=
    [ -n "$name" ] || name=$(uname -m)-linux-gnu
    echo "$name"
}

default_libdir() {
    if [ "$prefix" = /usr ] && [ -d "/usr/lib/$(multiarch)" ]; then
        echo "/usr/lib/$(multiarch)"
    elif [ ! -e /etc/debian_version ] && [ -d /usr/lib64 ] && [ ! -L /usr/lib64 ]; then
        echo "$prefix/lib64"
    else
        echo "$prefix/lib"
    fi
}

libdir=$(realpath -ms "${LIBDIR:-$(default_libdir)}")
includedir=$(realpath -ms "${INCLUDEDIR:-$prefix/include}")
bindir=$prefix/bin
docdir=$prefix/share/doc/zmq-oxide
pkgconfig=$libdir/pkgconfig
cmake=$libdir/cmake/ZeroMQ

# Each file that an installation consists of; uninstall removes exactly these.
files=(
    "$libdir/libzmq.so.$FILE_VERSION" "$libdir/libzmq.so.5" "$libdir/libzmq.so" "$libdir/libzmq.a"
    "$includedir/zmq.h" "$includedir/zmq_utils.h"
    "$pkgconfig/libzmq.pc"
    "$cmake/ZeroMQConfig.cmake" "$cmake/ZeroMQConfigVersion.cmake"
    "$bindir/zmq-oxide"
    "$docdir/LICENSE-MIT" "$docdir/LICENSE-APACHE" "$docdir/THIRD-PARTY.md"
)

# The loader's cache, when the library goes where the loader looks.
refresh_cache() {
    [ -z "$destdir" ] && [ "$(id -u)" -eq 0 ] || return 0
    PATH=$PATH:/sbin:/usr/sbin ldconfig 2>/dev/null || true
}

within() { # PATH DIRECTORY
    [ "$1" = "$2" ] || [ "${1#"${2%/}"/}" != "$1" ]
}

# PATH as something that stays right when the whole prefix is moved: relative to
# BASE if both are below the prefix, and PATH itself if not.
relocatable() { # PATH BASE
    if within "$1" "$prefix" && within "$2" "$prefix"; then
        realpath -ms --relative-to="$2" "$1"
    else
        echo "$1"
    fi
}

# ${variable} + the rest, for the .pc.
from_prefix() { # PATH VARIABLE
    if [ "$1" = "$prefix" ]; then
        echo "\${$2}"
    elif within "$1" "$prefix"; then
        echo "\${$2}/${1#"${prefix%/}"/}"
    else
        echo "$1"
    fi
}

place() { # TEMPLATE TARGET SED-ARGUMENT...
    local template=$1 target=$2
    shift 2
    sed "$@" -e "s|@VERSION@|$VERSION|g" -e "s|@FILE_VERSION@|$FILE_VERSION|g" "$root/$template" >"$destdir$target"
    chmod 644 "$destdir$target"
}

# What belongs to a package is not overwritten, nor removed.
leave_packages_alone() {
    local file owner
    [ -z "$destdir" ] || return 0
    for file in "${files[@]}"; do
        owner=$(dpkg -S "$(realpath -m "$(dirname "$file")")/${file##*/}" 2>/dev/null) || continue
        echo "$file belongs to the package ${owner%%:*}: take another PREFIX, or make deb" >&2
        exit 1
    done
}

install_all() {
    local pc_prefix private pointer
    leave_packages_alone
    install -d "$destdir$libdir" "$destdir$includedir" "$destdir$pkgconfig" "$destdir$cmake"
    install -m 755 "$DIST/lib/libzmq.so.$FILE_VERSION" "$destdir$libdir/"
    ln -sfn "libzmq.so.$FILE_VERSION" "$destdir$libdir/libzmq.so.5"
    ln -sfn libzmq.so.5 "$destdir$libdir/libzmq.so"
    install -m 644 "$DIST/lib/libzmq.a" "$destdir$libdir/"
    install -m 644 "$root/include/zmq.h" "$root/include/zmq_utils.h" "$destdir$includedir/"
    install -d "$destdir$docdir"
    install -m 644 "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$root/THIRD-PARTY.md" "$destdir$docdir/"

    # `make command` builds it.
    if [ -e "$DIST/bin/zmq-oxide" ]; then
        install -d "$destdir$bindir"
        install -m 755 "$DIST/bin/zmq-oxide" "$destdir$bindir/"
    fi

    pc_prefix=$(relocatable "$prefix" "$pkgconfig")
    [ "$pc_prefix" = "$prefix" ] || pc_prefix="\${pcfiledir}/$pc_prefix"
    place pkgconfig/libzmq.pc.in "$pkgconfig/libzmq.pc" \
        -e "s|@PREFIX@|$pc_prefix|" \
        -e "s|@LIBDIR@|$(from_prefix "$libdir" exec_prefix)|" \
        -e "s|@INCLUDEDIR@|$(from_prefix "$includedir" prefix)|"

    private=$(sed -n 's/^Libs.private: //p' "$root/pkgconfig/libzmq.pc.in" | tr -s ' ' ';')
    place cmake/ZeroMQConfig.cmake.in "$cmake/ZeroMQConfig.cmake" \
        -e "s|@CMAKE_INCLUDEDIR@|$(relocatable "$includedir" "$cmake")|" \
        -e "s|@PRIVATE_LIBRARIES@|$private|"
    # The fifth byte of an ELF file tells its class.
    case $(od -An -tu1 -j4 -N1 "$DIST/lib/libzmq.so.$FILE_VERSION" | tr -d ' ') in
    1) pointer=4 ;;
    *) pointer=8 ;;
    esac
    place cmake/ZeroMQConfigVersion.cmake.in "$cmake/ZeroMQConfigVersion.cmake" -e "s|@POINTER_BYTES@|$pointer|"
}

uninstall_all() {
    local file
    leave_packages_alone
    for file in "${files[@]}"; do
        rm -f "$destdir$file"
    done
    # Ours alone; the others belong to the system.
    rmdir "$destdir$cmake" "$destdir$libdir/cmake" "$destdir$docdir" 2>/dev/null || true
}

case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
files) printf '%s\n' "${files[@]}"; exit 0 ;;
*) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
refresh_cache
