#!/usr/bin/env bash
# Makes .venv with TokenKeep (editable) and the packages of one purpose: python.sh demo|dev
# Done again only when something that decides the outcome has changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/setup/lib.sh

purpose=${1:?demo or dev}
python=${PYTHON:-python3}
constraints=packaging/constraints.txt
case $purpose in
    demo) extras=demo ;;
    dev) extras=demo,dev ;;
    *) fail "unknown purpose: $purpose" ;;
esac

command -v "$python" >/dev/null || fail "there is no $python; name an interpreter of Python 3.11 or newer: make … PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" -V) is too old, 3.11 is the oldest that works; name another one: make … PYTHON=/path/to/python3"

# The place counts too: scripts of a virtual environment carry absolute paths.
wanted=$({ cat pyproject.toml "$constraints"; "$python" -VV; pwd; } | sha256sum | cut -d ' ' -f 1)
for stamp in .venv/.set-up-dev ".venv/.set-up-$purpose"; do
    if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
done

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    ! grep -q "^command = .* $(pwd -P)/\.venv$" .venv/pyvenv.cfg; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if may_install; then
            say "installing $version"
            install_packages "$version|python3-venv"
        fi
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "$python cannot make virtual environments; on Debian and Ubuntu the package is called $version"
    fi
    say "making the virtual environment .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv
fi

say "installing the Python packages ($extras)"
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet --constraint "$constraints")
# The build backend goes in first and is used without isolation, so that the constraints hold for it too.
"${pip[@]}" hatchling editables
"${pip[@]}" --no-build-isolation --editable ".[$extras]"
printf '%s\n' "$wanted" >".venv/.set-up-$purpose"
