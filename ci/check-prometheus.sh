#!/usr/bin/env bash
# Holds the alert rules against Prometheus' own checker and against their tests. With an address, also what a running
# service says: ci/check-prometheus.sh http://127.0.0.1:8080/metrics
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v promtool >/dev/null; then
    echo "not checked: promtool is not installed; it is part of the package prometheus"
    exit 0
fi
promtool check rules ci/prometheus/alerts.yml
promtool test rules ci/prometheus/alerts_test.yml
if [ $# -gt 0 ]; then
    curl --fail --silent --show-error "$1" | promtool check metrics
fi
