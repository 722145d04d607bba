#!/usr/bin/env bash
# The status page in a real browser: green soon after the start, red and green again without a reload, hostile answers, an
# incident, logging in, without JavaScript, narrow and wide, dark and light, and axe's rules.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${CARGO_TARGET_DIR:-target}/browser
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

for tool in node npm openssl; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool here"; exit 0; }
done
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    { echo "skipped: expected node 20 or later, found $(node --version)"; exit 0; }

browser=
for name in chromium chromium-browser google-chrome; do
    browser=${browser:-$(command -v "$name" || true)}
done
# A machine of CI is thrown away; nobody else's gets packages installed.
if [ -z "$browser" ] && [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } \
        >"$folder/apt.log" 2>&1 || tail -n 5 "$folder/apt.log"
    browser=$(command -v chromium || true)
fi
[ -n "$browser" ] || { echo "skipped: there is no Chromium here; apt-get install chromium has one"; exit 0; }

cp ci/browser/package.json ci/browser/package-lock.json "$folder/"
if ! cmp -s "$folder/package-lock.json" "$folder/installed"; then
    if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >"$folder/npm.log" 2>&1; then
        tail -n 5 "$folder/npm.log"
        echo "skipped: what ci/browser/package.json names cannot be fetched"
        exit 0
    fi
    cp "$folder/package-lock.json" "$folder/installed"
fi

# By itself first: the start that is measured is not the compiler's.
cargo build --quiet --locked -p canaries
program=${CARGO_TARGET_DIR:-target}/debug/canaries

exec timeout --kill-after=10 150 node ci/browser/check.mjs "$folder" "$browser" "$program"
