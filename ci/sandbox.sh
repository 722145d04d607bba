# Sourced by scripts that drive somebody else's client against a sandbox: starts one, and ends it with the script.
#
#     . ci/sandbox.sh
#     start_sandbox --team team       # arguments of `canaries sandbox`
#     beside python3 client.py "$control"
#
# What the sandbox says is to be exported is exported, and `control` is the address at which faults are switched.

sandbox=
program=
control=

start_sandbox() {
    # By itself first: waiting for the sandbox is not to be waiting for the compiler.
    cargo build --quiet --locked -p canaries --bin canaries

    # Cargo becomes the sandbox, so this is the sandbox's own process id.
    coproc SANDBOX { exec cargo run --quiet --locked -- sandbox "$@"; }
    sandbox=$SANDBOX_PID
    local printed line
    exec {printed}<&"${SANDBOX[0]}"
    trap stop_sandbox EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    while IFS= read -r -t 60 line <&"$printed"; do
        case $line in
        "export "*) eval "$line" ;;
        "  control "*) control=${line##* } ;;
        *"/census"*) break ;;
        esac
    done
    [ -n "$control" ] || { echo "the sandbox did not say where it is" >&2; exit 1; }
}

stop_sandbox() {
    kill $program "$sandbox" 2>/dev/null || true
    wait "$sandbox" 2>/dev/null || true
}

# Runs a program beside this script, which would otherwise not hear a signal before the end of it.
beside() {
    "$@" &
    program=$!
    wait "$program"
}
