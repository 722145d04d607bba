#!/usr/bin/env bash
# Drives Google's own client for Python, as it comes from its makers, against the sandbox's Gmail: what a client relies on
# must hold there too, or a mail that is found in the sandbox says nothing about one that must be found at Google.
# The client goes into `target/`.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=2.202.0
AUTH_VERSION=2.63.0
HTTP_VERSION=0.4.4
target=${CARGO_TARGET_DIR:-target}
folder=$target/gmail-client-$VERSION
if ! command -v python3 >/dev/null; then
    echo "not checked: python3 is not installed, which runs the client"
    exit 0
fi
if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder"
    if ! python3 -m venv "$folder" || ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
        "google-api-python-client==$VERSION" "google-auth==$AUTH_VERSION" "google-auth-httplib2==$HTTP_VERSION"; then
        echo "not checked: the client, google-api-python-client $VERSION, cannot be installed here"
        exit 0
    fi
    touch "$folder/complete"
fi

cargo build --quiet --locked -p canaries --bin canaries

# Nothing of this shell's settings: the sandboxes and the client get theirs from the program.
exec env -i PATH="$PATH" HOME="${HOME:-/}" "$folder/bin/python" ci/gmail_client.py "$target/debug/canaries"
