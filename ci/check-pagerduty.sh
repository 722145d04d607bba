#!/usr/bin/env bash
# Drives PagerDuty's own client for Python, as it comes from its makers, against the sandbox's PagerDuty: what a client
# relies on must hold there too, or a page that arrives in the sandbox says nothing about one that must arrive.
# The client goes into `target/`.
set -euo pipefail
cd "$(dirname "$0")/.."

. ci/python.sh
VERSION=7.2.0
python_client folder pagerduty-client "$VERSION" "pagerduty==$VERSION"

. ci/sandbox.sh
start_sandbox
# The client takes the authority from this variable and from nowhere else.
export SSL_CERT_FILE=$COALMINE_CA NO_PROXY=127.0.0.1
beside "$folder/bin/python" ci/pagerduty_client.py "$control"
