#!/usr/bin/env bash
# Drives programs of others against a running service: the client libraries of the Model Context
# Protocol, and what generators make of the service's own document. Each deletes a conversation.
# docs/clients.md has the results. It needs node and npm, and Go for one generator.
# usage: run.sh LETHE   where LETHE is the program; run it at the root of the sources
set -euo pipefail
lethe=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
for tool in node npm go; do command -v "$tool" >/dev/null || { echo "make clients needs node, npm and go; $tool is missing" >&2; exit 1; }; done
work=$(mktemp -d)
gosdk=$(mktemp -d "$PWD/bin/clients-XXXXXX") # inside the module, for its dependencies
service=
trap '[ -z "$service" ] || kill "$service" 2>/dev/null || true; rm -rf "$work" "$gosdk"' EXIT
export LETHE_DATA_DIR=$work/data LETHE_RUNTIME_DIR=$work/run LETHE_ADDR=127.0.0.1:${PORT:-8799} LETHE_API_KEY=lethe-clients-only LETHE_EMBEDDER=none
export SERVICE_URL=http://$LETHE_ADDR

if [ -n "${CLIENTS_MODULES:-}" ]; then # a folder with the packages, so that they are not downloaded again
  ln -s "$CLIENTS_MODULES" "$work/node_modules"
else
  cp "$here/package.json" "$work"
  npm --prefix "$work" install --no-audit --no-fund --silent --ignore-scripts
fi
cp "$here"/*.m?s "$here/tsconfig.json" "$work"

"$lethe" serve >"$work/log" 2>&1 &
service=$!
until "$lethe" health >/dev/null 2>&1; do kill -0 "$service" || { cat "$work/log" >&2; exit 1; }; sleep 0.2; done
node -e 'fetch(process.env.SERVICE_URL + "/openapi.json").then((r) => r.text()).then((text) => process.stdout.write(text))' >"$work/openapi.json"

modules=$work/node_modules/.bin
cd "$work"
inspect() { "$modules/mcp-inspector" --cli "$@" >"$work/out" 2>&1 && ! grep -qi warn "$work/out" || { cat "$work/out" >&2; exit 1; }; }
for era in modern legacy; do
  http=("$SERVICE_URL/mcp" --transport http --header "Authorization: Bearer $LETHE_API_KEY" --protocol-era "$era")
  inspect "${http[@]}" --method tools/list --strict
  inspect "${http[@]}" --method tools/call --tool-name chat_history_overview
  echo "ok  @modelcontextprotocol/inspector 2.12.0, --strict, $era, HTTP"
done
inspect -e "LETHE_ADDR=$LETHE_ADDR" -e "LETHE_API_KEY=$LETHE_API_KEY" "$lethe" mcp --method tools/list --strict
echo "ok  @modelcontextprotocol/inspector 2.12.0, --strict, lethe mcp"

node mcp.mjs "$lethe"
node n8n.mjs openapi.json 2>"$work/out" >"$work/said" || { cat "$work/out" "$work/said" >&2; exit 1; }
grep '^ok' "$work/said"

"$modules/openapi-mcp-generator" -i openapi.json -o generated-mcp -b "$SERVICE_URL" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
"$modules/tsc" -p generated-mcp
node generated-mcp.mjs generated-mcp/build/index.js

"$modules/openapi-ts" -i openapi.json -o sdk --silent --no-log-file
find sdk -name '*.ts' -exec sed -i.bak -E "s#(from '\.[^']*)'#\1.js'#; s#/(client|core)\.js'#/\1/index.js'#; s#\.js\.js'#.js'#" {} + # the way Node resolves modules
"$modules/tsc" -p .
node built/sdk-typescript.mjs

cd "$OLDPWD"
cp "$here/sdk-go.go.txt" "$gosdk/main.go"
go tool oapi-codegen -generate types,client -package main -o "$gosdk/client.go" "$work/openapi.json"
id=$(cd "$work" && node -e 'import("./service.mjs").then((s) => s.upload("go")).then(console.log)')
[ "$(go run "$gosdk" "$id")" = "$id" ]
(cd "$work" && node -e "import('./service.mjs').then((s) => s.isDeleted('$id'))")
echo "ok  oapi-codegen $(go list -m -f '{{.Version}}' github.com/oapi-codegen/oapi-codegen/v2)"
