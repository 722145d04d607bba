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

# By itself first: waiting for the sandbox is not to be waiting for the compiler.
cargo build --quiet --locked -p canaries

# Cargo becomes the sandbox, so this is the sandbox's own process id.
coproc SANDBOX {
    exec cargo run --quiet --locked -- sandbox --team team --ledger test --credential node-sdk-credential
}
sandbox=$SANDBOX_PID
exec {printed}<&"${SANDBOX[0]}"
program=
stop() {
    kill $program "$sandbox" 2>/dev/null || true
    wait "$sandbox" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

control=
while IFS= read -r -t 60 line <&"$printed"; do
    case $line in
    "export "*) eval "$line" ;;
    "  control "*) control=${line##* } ;;
    *"/census"*) break ;;
    esac
done
[ -n "${SEQADDR:-}" ] && [ -n "$control" ] || { echo "the sandbox did not say where it is" >&2; exit 1; }

# Beside this script, which would otherwise not hear a signal before the end of it.
node ci/node-sdk/operations.mjs "$folder" canaries/sequence/sequence.openapi.json "$control" &
program=$!
wait "$program"
