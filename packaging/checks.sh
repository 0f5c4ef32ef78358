#!/usr/bin/env bash
# Runs every check that is not a test; all of them, so that one look shows everything. Exit 1 when any failed.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
check() {
    local name=$1
    shift
    printf 'check: %s\n' "$name"
    "$@" || failed+=("$name")
}
on_failure() { local output; output=$("$@" 2>&1) || { printf '%s\n' "$output"; return 1; }; }

# Lock files that name a host would bind everybody to that host.
lock_names_no_host() { ! grep -n '"resolved"' tests/peers/package-lock.json; }

check "ruff" .venv/bin/ruff check --quiet --output-format concise app tests
check "ruff format" .venv/bin/ruff format --quiet --check app tests
check "mypy" .venv/bin/mypy --no-error-summary
check "import-linter" on_failure .venv/bin/lint-imports
check "installed packages fit" on_failure .venv/bin/python -m pip --disable-pip-version-check check
check "shell syntax" bash -n packaging/*.sh packaging/setup/*.sh .ci/run
if command -v node >/dev/null; then
    for script in tests/peers/*/*.mjs; do check "node syntax: $script" node --check "$script"; done
fi
check "package lock" lock_names_no_host

[ "${#failed[@]}" = 0 ] || { printf 'checks failed: %s\n' "${failed[*]}" >&2; exit 1; }
