#!/usr/bin/env bash
# Drives supermemory's SDK from npm against a service. It needs node and npm and downloads the SDK.
# usage: sdk.sh LETHE   where LETHE is the program
set -euo pipefail
lethe=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
command -v node >/dev/null || { echo "make clients needs node and npm" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "$service" 2>/dev/null || true; rm -rf "$work"' EXIT
export LETHE_DATA_DIR=$work/data LETHE_RUNTIME_DIR=$work/run LETHE_ADDR=127.0.0.1:${PORT:-8798} LETHE_API_KEY=lethe-clients-only LETHE_EMBEDDER=none
"$lethe" serve >"$work/log" 2>&1 &
service=$!
until "$lethe" health >/dev/null 2>&1; do kill -0 "$service" || { cat "$work/log" >&2; exit 1; }; sleep 0.2; done
npm --prefix "$work" i --no-audit --no-fund --silent supermemory@4.25.4
SDK_FROM=$work/ SUPERMEMORY_BASE_URL=http://$LETHE_ADDR SUPERMEMORY_API_KEY=$LETHE_API_KEY node "$here/sdk.mjs"
