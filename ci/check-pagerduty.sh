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

. ci/sandbox.sh
start_sandbox
# The client takes the authority from this variable and from nowhere else.
export SSL_CERT_FILE=$COALMINE_CA NO_PROXY=127.0.0.1
beside "$folder/bin/python" ci/pagerduty_client.py "$control"
