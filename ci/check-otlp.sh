#!/usr/bin/env bash
# Sends the traces of a run to a receiver that others wrote, and holds what it says it has received against the record of
# the run: every request is a span with the id that the product was told, and every span hangs from another one of it.
# The receiver is Rotel, an OpenTelemetry collector that comes as a Python package; it goes into `target/`.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=0.0.1a15
target=${CARGO_TARGET_DIR:-target}
folder=$target/otlp-receiver-$VERSION
agent=$folder/rotel/rotel-agent
if ! command -v python3 >/dev/null; then
    echo "not checked: python3 is not installed, which installs the receiver"
    exit 0
fi
if [ ! -e "$agent" ] && ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --only-binary :all: \
    --target "$folder" "rotel==$VERSION"; then
    echo "not checked: the receiver, rotel $VERSION, cannot be installed here"
    exit 0
fi
chmod +x "$agent"
cargo build --quiet --locked -p canaries --bin canaries
canaries=$(realpath "$target/debug/canaries")

work=$(mktemp -d)
receiver=
finish() {
    if [ -n "$receiver" ] && kill "$receiver" 2>/dev/null; then wait "$receiver" || true; fi
    rm -rf "$work"
}
trap finish EXIT

# The receiver wants to be told its ports. Somebody may take them before it does.
started=
for _ in 1 2 3; do
    read -r http grpc < <(python3 -c '
import socket
both = [socket.socket() for _ in range(2)]
for one in both: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in both))')
    "$agent" start --pid-file "$work/pid" --otlp-http-endpoint "127.0.0.1:$http" --otlp-grpc-endpoint "127.0.0.1:$grpc" \
        --exporter blackhole --debug-log traces --debug-log-verbosity detailed >"$work/received" 2>&1 &
    receiver=$!
    for _ in $(seq 100); do
        # Anything but a refused connection: it has no answer for this.
        if curl --silent --output "$work/hello" "http://127.0.0.1:$http/"; then started=yes; break; fi
        kill -0 "$receiver" 2>/dev/null || break
        sleep 0.1
    done
    if [ -n "$started" ]; then break; fi
    kill "$receiver" 2>/dev/null || true
    wait "$receiver" || true
done
if [ -z "$started" ]; then
    echo "error: the receiver does not start"
    head -50 "$work/received"
    exit 1
fi

# Nothing of this shell's settings: the run watches the sandbox.
if ! env -i PATH="$PATH" HOME="${HOME:-/}" COALMINE_REPORTS="$work/reports" \
    OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:$http" "$canaries" test >"$work/out" 2>&1; then
    tail -30 "$work/out"
    exit 1
fi
if grep --quiet '^warning: .*trace' "$work/out"; then
    grep '^warning: ' "$work/out"
    exit 1
fi

python3 - "$work/received" "$work/reports/record.json" <<'PYTHON'
import json, re, sys

received, record = sys.argv[1:]
fields = {"Trace ID": "trace", "Parent ID": "parent", "ID": "id", "Name": "name", "Kind": "kind"}
spans = []
for line in open(received, encoding="utf-8"):
    if re.match(r"Span #\d+$", line):
        spans.append({})
    field = re.match(r"    (Trace ID|Parent ID|ID|Name|Kind) *: (.*)$", line)
    if field and spans and fields[field[1]] not in spans[-1]:
        spans[-1][fields[field[1]]] = field[2].strip()

runs = json.load(open(record, encoding="utf-8"))["runs"]
told = []
for run in runs:
    parts = [attempt for step in run["steps"] for attempt in step.get("attempts", [])] + run["cleanup"]
    for exchange in (exchange for part in parts for exchange in part.get("exchanges", [])):
        _, trace, span, _ = dict(exchange["request_headers"])["traceparent"].split("-")
        told.append((trace, span))

problems = []
requests = sorted((it["trace"], it["id"]) for it in spans if it["kind"] == "SPAN_KIND_CLIENT")
if requests != sorted(told):
    problems.append(f"{len(told)} requests were made, {len(requests)} spans of requests received, and they differ")
ids = {(it["trace"], it["id"]) for it in spans}
if len(ids) != len(spans):
    problems.append("two spans have the same id")
outermost = [it for it in spans if not it["parent"]]
if sorted(it["name"] for it in outermost) != sorted(f"RUN {run['canary']}" for run in runs):
    problems.append(f"outermost are {outermost}")
lost = [it for it in spans if it["parent"] and (it["trace"], it["parent"]) not in ids]
if lost:
    problems.append(f"{len(lost)} hang from spans that were not received, such as {lost[0]}")
if not told:
    problems.append("no request was made")
for problem in problems:
    print("error:", problem)
print(f"{len(spans)} spans of {len(runs)} runs received, {len(requests)} of them requests")
sys.exit(bool(problems))
PYTHON
