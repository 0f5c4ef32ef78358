#!/usr/bin/env bash
# All checks, then all tests. The tests run after a failed check too; pytest's closing line is the last thing printed.
set -uo pipefail
cd "$(dirname "$0")/.."

packaging/checks.sh
checks=$?
.venv/bin/python -m pytest "$@"
tests=$?
exit $((checks != 0 ? checks : tests))
