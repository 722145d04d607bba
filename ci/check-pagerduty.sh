#!/usr/bin/env bash
# Drives PagerDuty's own client for Python, as it comes from its makers, against the sandbox's PagerDuty: what a client
# relies on must hold there too, or a page that arrives in the sandbox says nothing about one that must arrive.
# The client goes into `target/`.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=7.2.0
target=${CARGO_TARGET_DIR:-target}
folder=$target/pagerduty-client-$VERSION
if ! command -v python3 >/dev/null; then
    echo "not checked: python3 is not installed, which runs the client"
    exit 0
fi
if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder"
    if ! python3 -m venv "$folder" || ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
        "pagerduty==$VERSION"; then
        echo "not checked: the client, pagerduty $VERSION, cannot be installed here"
        exit 0
    fi
    touch "$folder/complete"
fi

# By itself first: waiting for the sandbox is not to be waiting for the compiler.
cargo build --quiet --locked -p canaries --bin canaries

# Cargo becomes the sandbox, so this is the sandbox's own process id.
coproc SANDBOX { exec cargo run --quiet --locked -- sandbox; }
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
    "export COALMINE_CA="* | "export COALMINE_PAGERDUTY_"*) eval "$line" ;;
    "  control "*) control=${line##* } ;;
    *"/census"*) break ;;
    esac
done
[ -n "${COALMINE_PAGERDUTY_EVENTS:-}" ] && [ -n "$control" ] ||
    { echo "the sandbox did not say where its PagerDuty is" >&2; exit 1; }

# The client takes the authority from this variable and from nowhere else. Beside this script, which would otherwise not
# hear a signal before the end of it.
SSL_CERT_FILE=$COALMINE_CA NO_PROXY=127.0.0.1 "$folder/bin/python" ci/pagerduty_client.py "$control" &
program=$!
wait "$program"
