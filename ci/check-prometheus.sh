#!/usr/bin/env bash
# Holds the alert rules against Prometheus' own checker and against their tests; then lets Prometheus scrape the service
# for a moment, with the rules, and asks it whether all is well. With an address, only what a running service says:
# ci/check-prometheus.sh http://127.0.0.1:8077/metrics
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v promtool >/dev/null && [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends prometheus; } >/dev/null 2>&1 || true
fi
if ! command -v promtool >/dev/null; then
    echo "not checked: promtool is not installed; it is part of the package prometheus"
    exit 0
fi
if [ $# -gt 0 ]; then
    curl --fail --silent --show-error "$1" | promtool check metrics
    exit
fi
promtool check rules ci/prometheus/alerts.yml
promtool test rules ci/prometheus/alerts_test.yml
if ! command -v prometheus >/dev/null; then
    echo "not checked: prometheus is not installed, so that nobody has scraped the service"
    exit 0
fi

cargo build --quiet --locked -p canaries --bin canaries
canaries=$(realpath "${CARGO_TARGET_DIR:-target}/debug/canaries")
rules=$(realpath ci/prometheus/alerts.yml)
work=$(mktemp -d)
service= prometheus=
stop() {
    if [ -n "$1" ] && kill "$1" 2>/dev/null; then wait "$1" || true; fi
}
finish() {
    stop "$prometheus"
    stop "$service"
    rm -rf "$work"
}
trap finish EXIT
give_up() {
    echo "error: $1"
    tail -20 "$work/service" "$work/prometheus" 2>/dev/null
    exit 1
}
# All waiting together ends then.
deadline=$((SECONDS + 40))
# Waits until a command succeeds.
until_true() {
    local what=$1
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || give_up "not in time: $what"
        kill -0 "$service" 2>/dev/null || give_up "the service has ended before: $what"
        if [ -n "$prometheus" ]; then kill -0 "$prometheus" 2>/dev/null || give_up "Prometheus has ended before: $what"; fi
        sleep 0.2
    done
}

# The service, in front of its own sandbox; who scrapes it has to know the token.
od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$work/token"
env -i PATH="$PATH" HOME="${HOME:-/}" COALMINE_REPORTS="$work/reports" \
    "$canaries" serve --listen 127.0.0.1:0 --every 5s --token-file "$work/token" >"$work/service" 2>&1 &
service=$!
until_true "the service's address" grep --quiet 'the status page is at http://' "$work/service"
address=$(sed -n 's|^the status page is at http://\(.*\)/$|\1|p' "$work/service")
status=$(curl --silent --output "$work/refused" --write-out '%{http_code}' "http://$address/metrics")
[ "$status" = 401 ] || give_up "expected /metrics to be refused with 401 without the token, got $status"

cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$rules"]
scrape_configs:
  - job_name: coalmine
    authorization: {credentials_file: "$work/token"}
    static_configs: [{targets: ["$address"]}]
YAML
promtool check config "$work/prometheus.yml"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address=127.0.0.1:0 \
    >"$work/prometheus" 2>&1 &
prometheus=$!

# It does not say which port it was given. The kernel does.
port_of() {
    local socket port
    for socket in $(ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p'); do
        port=$(awk -v socket="$socket" '$4 == "0A" && $10 == socket { sub(".*:", "", $2); print $2 }' /proc/net/tcp)
        if [ -n "$port" ]; then
            printf '%d' "0x$port"
            return
        fi
    done
    return 1
}
is_listening() { port=$(port_of "$prometheus"); }
port=
until_true "Prometheus' port" is_listening
# What is compared is the whole answer: `grep --quiet` would leave before it has come, and fail the pipe.
ask() { curl --fail --silent --get "http://127.0.0.1:$port/api/v1/$1" "${@:2}"; }
query() { ask query --data-urlencode "query=$1"; }
# Whether an expression has a result.
holds() { [[ $(query "$1") == *'"result":[{'* ]]; }
# How often all rules were evaluated.
rounds() {
    curl --fail --silent "http://127.0.0.1:$port/metrics" | sed -n 's/^prometheus_rule_group_iterations_total{.*} //p'
}
rules_were_evaluated() {
    [ "$(rounds)" -gt $((before + 1)) ] || return 1
    rules_said=$(ask rules) && [[ $rules_said == *'"health":'* && $rules_said != *'"health":"unknown"'* ]]
}

until_true "Prometheus is ready" curl --fail --silent --output "$work/ready" "http://127.0.0.1:$port/-/ready"
until_true "up == 1" holds 'up{job="coalmine"} == 1'
for expression in \
    'sum(coalmine_runs_total{job="coalmine",verdict="passed"}) > 0' \
    'coalmine_mail_delivery_seconds_count{canary="onboarding"} > 0' \
    'coalmine_certificate_expiry_timestamp_seconds{canary="api"} > time()' \
    'coalmine_trace_export_failures_total == 0'; do
    until_true "$expression" holds "$expression"
done
# From here on, with all that there is.
before=$(rounds)
until_true "all rules were evaluated" rules_were_evaluated
if [[ $rules_said == *'"lastError"'* || $rules_said == *'"health":"err"'* ]]; then
    grep --only-matching '"lastError":"[^"]*"' <<<"$rules_said" || true
    give_up "a rule cannot be evaluated"
fi
if holds 'ALERTS{alertstate="firing"}'; then
    query 'ALERTS{alertstate="firing"}'
    give_up "an alert speaks although all is well"
fi
# What the dashboard asks has to be understood; the variables are Grafana's.
panels=0
while IFS= read -r expression; do
    expression=${expression//\\\"/\"}
    expression=${expression//\$canary/.*}
    expression=${expression//\$__rate_interval/1m}
    [[ $(query "$expression") == *'"status":"success"'* ]] || give_up "the dashboard asks what cannot be answered: $expression"
    panels=$((panels + 1))
done < <(sed -n 's/^ *"expr": "\(.*\)",\{0,1\}$/\1/p' ci/grafana/dashboard.json)
[ "$panels" -gt 0 ] || give_up "no question was found in the dashboard"
curl --fail --silent --show-error --header "Authorization: Bearer $(cat "$work/token")" "http://$address/metrics" |
    promtool check metrics
echo "Prometheus scrapes the service: up == 1, $(grep --only-matching '"health":"ok"' <<<"$rules_said" | wc -l) rules and \
$panels questions of the dashboard are answered"
