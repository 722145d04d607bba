#!/usr/bin/env bash
# Drives every operation of the vendor's own SDK for Node against the sandbox: what a customer's program relies on must
# hold there too, or the canaries that are green on it prove nothing about the product.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=2.2.4
folder=${CARGO_TARGET_DIR:-target}/node-sdk
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

for tool in node npm; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool here"; exit 0; }
done
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    { echo "skipped: expected node 20 or later, found $(node --version)"; exit 0; }
installed=$(node -p 'require(process.argv[1]).version' "$folder/node_modules/sequence-sdk/package.json" 2>/dev/null || true)
if [ "$installed" != "$version" ] && ! npm install --no-save --prefix "$folder" --ignore-scripts --no-audit --no-fund \
    --loglevel=error "sequence-sdk@$version" >"$folder/npm.log" 2>&1; then
    tail -n 5 "$folder/npm.log"
    echo "skipped: sequence-sdk@$version cannot be fetched"
    exit 0
fi

. ci/sandbox.sh
start_sandbox --team team --ledger test --credential node-sdk-credential
beside node ci/node-sdk/operations.mjs "$folder" canaries/sequence/sequence.openapi.json "$control"
