#!/usr/bin/env bash
# Installs the Node packages that the tests run against, exactly as locked; again only when the lock has changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/setup/lib.sh

command -v node >/dev/null && command -v npm >/dev/null || fail "node and npm are missing (Node.js 20 or newer)"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || fail "Node.js $(node --version) is too old, 20 is the oldest that works"

stamp=tests/peers/node_modules/.set-up
wanted=$(cat tests/peers/package.json tests/peers/package-lock.json | sha256sum | cut -d ' ' -f 1)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0
say "installing the Node packages of tests/peers"
(cd tests/peers && npm ci --silent --no-audit --no-fund --ignore-scripts)
printf '%s\n' "$wanted" >"$stamp"
