#!/usr/bin/env bash
# Checks the tools with the protocol's own inspector, in strict mode, in both eras of the
# protocol and over standard input and output. It needs node and downloads the inspector.
# usage: inspector.sh LETHE   where LETHE is the program
set -euo pipefail
lethe=$(realpath "$1")
command -v node >/dev/null || { echo "make clients needs node and npm" >&2; exit 1; }
work=$(mktemp -d)
trap 'kill "$service" 2>/dev/null || true; rm -rf "$work"' EXIT
export LETHE_DATA_DIR=$work/data LETHE_RUNTIME_DIR=$work/run LETHE_ADDR=127.0.0.1:${PORT:-8799} LETHE_API_KEY=lethe-clients-only LETHE_EMBEDDER=none
"$lethe" serve >"$work/log" 2>&1 &
service=$!
until "$lethe" health >/dev/null 2>&1; do kill -0 "$service" || { cat "$work/log" >&2; exit 1; }; sleep 0.2; done
[ -n "${INSPECTOR:-}" ] || { npm --prefix "$work" i --no-audit --no-fund --silent @modelcontextprotocol/inspector@2.12.0; INSPECTOR=$work/node_modules/.bin/mcp-inspector; }
inspect() { "$INSPECTOR" --cli "$@" 2>&1 | tee "$work/out"; ! grep -qi "warn" "$work/out"; }
for era in modern legacy; do
  echo "== $era, over HTTP"
  http=(http://$LETHE_ADDR/mcp --transport http --header "Authorization: Bearer $LETHE_API_KEY" --protocol-era "$era")
  inspect "${http[@]}" --method tools/list --strict >/dev/null
  inspect "${http[@]}" --method tools/call --tool-name chat_history_overview >/dev/null
done
echo "== over standard input and output"
inspect -e "LETHE_ADDR=$LETHE_ADDR" -e "LETHE_API_KEY=$LETHE_API_KEY" "$lethe" mcp --method tools/list --strict >/dev/null || { cat "$work/out" >&2; exit 1; }
echo "no warnings"
