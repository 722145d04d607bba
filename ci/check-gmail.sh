#!/usr/bin/env bash
# Drives Google's own client for Python, as it comes from its makers, against the sandbox's Gmail: what a client relies on
# must hold there too, or a mail that is found in the sandbox says nothing about one that must be found at Google.
# The client goes into `target/`.
set -euo pipefail
cd "$(dirname "$0")/.."

. ci/python.sh
VERSION=2.202.0
python_client folder gmail-client "$VERSION" \
    "google-api-python-client==$VERSION" "google-auth==2.63.0" "google-auth-httplib2==0.4.4"

cargo build --quiet --locked -p canaries --bin canaries

# Nothing of this shell's settings: the sandboxes and the client get theirs from the program.
exec env -i PATH="$PATH" HOME="${HOME:-/}" "$folder/bin/python" ci/gmail_client.py "${CARGO_TARGET_DIR:-target}/debug/canaries"
