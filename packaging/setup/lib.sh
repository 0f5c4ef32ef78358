# Shared by the set-up scripts: messages, and installing Debian packages where that is allowed.

say() { printf 'set-up: %s\n' "$*"; }
complain() { printf 'set-up: %s\n' "$*" >&2; }
fail() { complain "$*"; exit 1; }

is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# Root, or sudo that asks nothing: a set-up never stops at a password prompt.
may_install() { is_debian && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

is_installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# missing_packages NAME|OTHER-NAME …: prints those of which no alternative is installed, one a line.
missing_packages() {
    local entry name found
    for entry in "$@"; do
        found=
        for name in ${entry//|/ }; do
            if is_installed "$name"; then found=yes; break; fi
        done
        [ -n "$found" ] || printf '%s\n' "$entry"
    done
}

# install_packages NAME|OTHER-NAME …: installs the first alternative that the package lists know.
install_packages() {
    local entry name chosen=()
    as_root apt-get update -qq || complain "the package lists could not be renewed, trying with the present ones"
    for entry in "$@"; do
        for name in ${entry//|/ }; do
            if apt-cache show --quiet=2 "$name" >/dev/null 2>&1; then break; fi
        done
        chosen+=("$name")
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${chosen[@]}" >/dev/null
}
