#!/usr/bin/env bash
# Fills a database with a released program and writes it here as VERSION.sqlite.gz and
# VERSION.postgres.sql.gz, for TestReleasedDatabasesAreMigrated. VERSION is the number
# of the newest migration that the program knows.
#
#   make.sh VERSION LETHE POSTGRES_URL      LETHE: the released program
#
# Run it once for each migration, with a program from before the next one. It needs
# curl, python3 and pg_dump, and creates and drops the database lethe_released.
set -euo pipefail
version=$1 lethe=$(realpath "$2") server=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
query=${server#*\?} && [ "$query" != "$server" ] || query=
base=${server%%\?*}
database="${base%/*}/lethe_released${query:+?$query}"

# An embeddings server with short vectors, so that the files are small.
cat > "$work/embeddings.py" <<'PY'
import http.server, json, sys
class Embeddings(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        texts = asked if isinstance(asked, list) else [asked]
        data = [{"object": "embedding", "index": i, "embedding": [0.5 + t.count(c) for c in "aeioustn"]} for i, t in enumerate(texts)]
        body = json.dumps({"object": "list", "model": "letters", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
mkfifo "$work/port"
python3 "$work/embeddings.py" > "$work/port" &
read -r port < "$work/port"

free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LETHE_EMBEDDER=openai LETHE_EMBEDDINGS_URL=http://127.0.0.1:$port/v1 LETHE_EMBEDDINGS_MODEL=letters
export LETHE_ADDR=127.0.0.1:$free LETHE_API_KEY=the-key-of-the-fixture
api=http://127.0.0.1:$free/api/chat-history

call() { curl -sS --fail-with-body -H "Authorization: Bearer $LETHE_API_KEY" -H 'Content-Type: application/json' "$@" >> "$work/answers"; echo >> "$work/answers"; }
upload() { call "$api/ingest/custom-online" -d "$1"; }
# conversation N prints the id in the answer to the N-th upload.
conversation() { grep -o '"conversationId":"[^"]*"' "$work/answers" | sed -n "$1p" | cut -d'"' -f4; }

fill() {
  "$lethe" serve > "$work/log" 2>&1 &
  local pid=$!
  until curl -sf "http://$LETHE_ADDR/readyz" > /dev/null; do kill -0 $pid || { cat "$work/log" >&2; exit 1; }; done
  : > "$work/answers"
  upload '{"platform":"notes","conversation":{"id":"garden","title":"The spare key","created_at":"2025-03-01T10:00:00Z","messages":[
    {"id":"1","role":"human","content":"Where did I leave the spare key?","created_at":"2025-03-01T10:00:00Z"},
    {"id":"2","role":"assistant","content":"Under the blue flowerpot by the back door.","created_at":"2025-03-01T10:00:05Z"}]}}'
  upload '{"platform":"chatgpt","conversation":{"id":"ünï/1","title":"植木鉢 & <b>Öl</b>","messages":[
    {"role":"human","content":"予備の鍵は青い植木鉢の下です。"},
    {"role":"assistant","content":"Grüße! It'"'"'s noted; 100% sure? \\ \"yes\"."}]}}'
  upload "$(python3 -c 'import json; print(json.dumps({"platform": "chatgpt", "conversation": {"id": "long", "title": "Many messages", "messages": [{"role": "human" if i % 2 == 0 else "assistant", "content": f"Number {i} of the snarkfeld: " + "and so it went on and on. " * 8} for i in range(40)]}}))')"
  upload '{"platform":"notes","conversation":{"id":"doomed","title":"To be deleted","messages":[{"role":"human","content":"forget the wobbelring"}]}}'
  call -X PATCH "$api/conversation" -d "{\"conversationId\":\"$(conversation 1)\",\"pinned\":true}"
  until curl -sS -H "Authorization: Bearer $LETHE_API_KEY" -H 'Content-Type: application/json' "$api/search" -d '{"query":"wobbelring"}' | grep -q wobbelring &&
    curl -sS -H "Authorization: Bearer $LETHE_API_KEY" -H 'Content-Type: application/json' "$api/search" -d '{"query":"snarkfeld"}' | grep -q snarkfeld; do :; done
  call -X DELETE "$api/chats" -d "{\"ids\":[\"$(conversation 4)\"]}"
  kill -TERM $pid
  wait $pid || { cat "$work/log" >&2; exit 1; }
}

LETHE_DATA_DIR="$work/data" fill
gzip -9n < "$work/data/lethe.db" > "$here/$version.sqlite.gz"

psql -qd "$server" -c 'DROP DATABASE IF EXISTS lethe_released WITH (FORCE)' -c 'CREATE DATABASE lethe_released'
LETHE_DATABASE_URL=$database LETHE_DATA_DIR="$work/none" fill
pg_dump --no-owner --no-privileges --inserts "$database" | grep -v '^\\' | gzip -9n > "$here/$version.postgres.sql.gz"
psql -qd "$server" -c 'DROP DATABASE lethe_released WITH (FORCE)'
