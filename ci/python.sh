# Sourced by scripts that drive somebody else's client for Python: installs it into a folder of `target/`.
#
#     . ci/python.sh
#     python_client folder name version "package==1.2.3" "another==4.5"
#
# The folder with `bin/python` in it is then in the variable that was named first. Where Python is missing, or the client
# cannot be had, the script says so and ends well.

python_client() {
    local -n place=$1
    local name=$2 version=$3
    shift 3
    place=${CARGO_TARGET_DIR:-target}/$name-$version
    if ! command -v python3 >/dev/null; then
        echo "not checked: python3 is not installed, which runs the client"
        exit 0
    fi
    if [ ! -e "$place/complete" ]; then
        rm -rf "$place"
        if ! python3 -m venv "$place" ||
            ! "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; then
            echo "not checked: the client, $name $version, cannot be installed here"
            exit 0
        fi
        touch "$place/complete"
    fi
}
