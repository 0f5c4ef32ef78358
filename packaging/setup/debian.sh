#!/usr/bin/env bash
# Looks for what the operating system has to bring, installs it on Debian and Ubuntu when allowed: debian.sh demo|test
# For the demo a lack is named and the demo goes on (it runs headless); for the tests it is the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/setup/lib.sh

purpose=${1:?demo or test}

# What Qt and its platform plug-ins for X11 and Wayland are linked against, less what PySide6 brings itself.
qt=(
    libbrotli1 libdbus-1-3 libegl1 libfontconfig1 libfreetype6 libgl1 "libglib2.0-0|libglib2.0-0t64" libgssapi-krb5-2
    libwayland-client0 libwayland-cursor0 libx11-6 libx11-xcb1 libxcb1 libxcb-cursor0 libxcb-glx0 libxcb-icccm4 libxcb-image0
    libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-render0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1
    libxcb-xfixes0 libxcb-xkb1 libxkbcommon-x11-0 libxkbcommon0 libzstd1
)
# A screen with window manager and tray, a browser with its driver, a session bus with a keyring, an independent token agent.
harness=(
    xvfb openbox "tint2|trayer" xdotool x11-utils imagemagick xclip fonts-inter fonts-noto-core
    chromium "chromium-driver|chromium-chromedriver" dbus gnome-keyring gcr libsecret-tools oidc-agent-cli curl
)
# The same by the names of programs, for systems with another package manager.
programs=(
    Xvfb openbox "tint2|trayer" xdotool xwininfo import xclip "chromium|chromium-browser" "chromedriver|chromium.chromedriver"
    dbus-daemon gnome-keyring-daemon secret-tool oidc-agent curl
)

give_up() {
    complain "missing: $*"
    if is_debian && ! may_install; then
        complain "installing needs root, or sudo that asks no password; by hand: apt-get install ${*//|*/}"
    fi
    [ "$purpose" = demo ] || exit 1
    complain "the demo goes on, but its windows may not open without them"
    exit 0
}

if is_debian; then
    case $purpose in
        demo) wanted=("${qt[@]}") ;;
        test) wanted=("${qt[@]}" "${harness[@]}") ;;
        *) fail "unknown purpose: $purpose" ;;
    esac
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [ "${#missing[@]}" != 0 ] || exit 0
    may_install || give_up "${missing[@]}"
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    install_packages "${missing[@]}" || complain "apt-get could not install them all"
    mapfile -t missing < <(missing_packages "${missing[@]}")
    [ "${#missing[@]}" = 0 ] || give_up "${missing[@]}"
    exit 0
fi

missing=()
plugin=$(find .venv/lib -name libqxcb.so -print -quit 2>/dev/null || true)
if [ -n "$plugin" ] && command -v ldd >/dev/null; then
    mapfile -t missing < <(ldd "$plugin" | awk '/not found/ {print $1}')
fi
if [ "$purpose" = test ]; then
    for entry in "${programs[@]}"; do
        found=
        for name in ${entry//|/ }; do if command -v "$name" >/dev/null; then found=yes; fi; done
        [ -n "$found" ] || missing+=("$entry")
    done
fi
[ "${#missing[@]}" = 0 ] || give_up "${missing[@]}"
