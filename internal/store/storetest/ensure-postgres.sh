#!/usr/bin/env bash
# Prints the URL of a PostgreSQL with pgvector for the tests, and starts one if none
# is running. Nothing else is printed on standard output.
#
#   ensure-postgres.sh [start]   print a URL; start a server if none is running
#   ensure-postgres.sh stop      stop the server that this script started
#   ensure-postgres.sh status    say whether it is running
#   ensure-postgres.sh clean     stop it and delete all its files
#
# A test that kills its server, or fills its disk, gets a private one:
#
#   ensure-postgres.sh private NAME start [small]   start it, or start it again,
#                                and print its URL; with "small" also print, on a
#                                second line, a folder of 48 MB for a tablespace,
#                                if the machine allows creating one
#   ensure-postgres.sh private NAME kill            end it like a power failure
#   ensure-postgres.sh private NAME stop            end it and delete its data
#
# It uses the first of these that works:
#   1. LETHE_TEST_DATABASE_URL, unchanged
#   2. a Docker engine, with pgvector's own image
#   3. an installed PostgreSQL that has pgvector 0.8.0 or newer
#   4. Debian 13's packages, unpacked (not installed) into a private folder and
#      run with the loader and the libraries from these packages
# If none works, it fails and says what to install. Tests are never skipped because
# a database is missing.
#
# The server is for temporary data: it does not sync to disk, and every start begins
# with an empty cluster. It listens on loopback only and needs a password. It keeps
# running after the tests, for the next run. Simultaneous runs share it. A test kills
# and deletes its private server. If the test was killed, the next test that starts a
# private server does that, or "stop" does.
#
# Settings: LETHE_TEST_POSTGRES_DIR (the private folder),
# LETHE_TEST_POSTGRES_IMAGE, LETHE_TEST_POSTGRES_NO_DOCKER=1.
#
# Except for way 4, it uses only features of bash 3.2 and of the tools of macOS.
set -euo pipefail

CONTAINER=lethe-test-postgres
IMAGE=${LETHE_TEST_POSTGRES_IMAGE:-pgvector/pgvector:0.8.6-pg17}
MAX_CONNECTIONS=300 # every test has its own database and a pool into it

# The server must run as an ordinary user, who cannot read root's home.
if [ "$(id -u)" = 0 ]; then
  DIR=${LETHE_TEST_POSTGRES_DIR:-/var/tmp/lethe-test-postgres}
else
  DIR=${LETHE_TEST_POSTGRES_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lethe-test-postgres}
fi
DATA=$DIR/data           # the cluster, created at each start
PASSWORD=$DIR/password   # of the superuser, created once
SERVER=$DIR/server       # two lines: the folder of the binaries, the port
UNPACKED=$DIR/debian-13  # way 4's packages
PRIVATE=$DIR/private     # a folder for each private server

log() { echo "ensure-postgres: $*" >&2; }
die() { log "$*"; exit 1; }

# bounded SECONDS COMMAND... ends a command that hangs. macOS has no timeout(1).
bounded() {
  if command -v timeout >/dev/null; then timeout -k 5 "$@"; else perl -e 'alarm shift @ARGV; exec @ARGV or exit 127' "$@"; fi
}

# ---- one at a time -----------------------------------------------------------

# The lock is a symbolic link whose target is the process id of its holder: it is
# created atomically, others can read it, and the server cannot inherit it.
LOCK=$DIR/lock
HELD=

unlock() { if [ -n "$HELD" ]; then rm -f "$LOCK"; HELD=; fi; }

# runs PID TEXT: a process with that id exists and has TEXT in its command line. After
# a restart of the machine, another process may have the id.
runs() {
  kill -0 "$1" 2>/dev/null || return 1
  if command -v ps >/dev/null; then ps -p "$1" -o args=; else tr '\0' ' ' <"/proc/$1/cmdline"; fi 2>/dev/null | grep -qF -- "$2"
}

# break_lock removes the lock of a holder that was killed. Only one waiter may do so
# at a time. Otherwise two could see the same dead holder, and the slower one would
# remove the lock that the faster one has just taken.
break_lock() {
  local dead=$1
  mkdir "$LOCK.breaking" 2>/dev/null || return 0
  if [ "$(readlink "$LOCK" 2>/dev/null)" = "$dead" ]; then rm -f "$LOCK"; fi
  rmdir "$LOCK.breaking"
}

lock() {
  local waited=0 holder
  until ln -s "$$" "$LOCK" 2>/dev/null; do
    holder=$(readlink "$LOCK" 2>/dev/null || true)
    if [ -n "$holder" ] && ! runs "$holder" ensure-postgres; then break_lock "$holder"; fi
    [ "$waited" -lt 600 ] || die "process $holder has held $LOCK for ten minutes; if it is stuck, end it and remove $LOCK and $LOCK.breaking"
    [ "$waited" != 5 ] || log "waiting for process $holder, which is setting PostgreSQL up"
    sleep 1
    waited=$((waited + 1))
  done
  HELD=yes
  trap unlock EXIT
  trap 'exit 130' INT TERM HUP
}

# ---- a server without Docker (ways 3 and 4) ----------------------------------

# PostgreSQL refuses to run as root, so root runs it as an ordinary user.
owner() {
  if [ "$(id -u)" != 0 ]; then id -un; elif id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

as_owner() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  command -v setpriv >/dev/null || { log "cannot leave root: no setpriv (package util-linux)"; return 1; }
  (cd / && setpriv --reuid="$(owner)" --regid="$(id -g "$(owner)")" --clear-groups -- env HOME="$DIR" "$@")
}

bindir() { sed -n 1p "$SERVER"; }
port() { sed -n 2p "$SERVER"; }
url() { echo "postgres://postgres:$(cat "$PASSWORD")@127.0.0.1:$1/postgres?sslmode=disable"; }

# query BINDIR PORT SQL prints one value, or fails within ten seconds.
query() {
  PGPASSWORD=$(cat "$PASSWORD") PGCONNECT_TIMEOUT=5 bounded 10 "$1/psql" -XqAt -h 127.0.0.1 -p "$2" -U postgres -d postgres -c "$3" 2>/dev/null </dev/null
}

# A server is running if it answers. A file with a process id proves nothing.
local_runs() { [ -f "$SERVER" ] && [ "$(query "$(bindir)" "$(port)" 'select 1')" = 1 ]; }

local_stop() {
  local pid
  [ -f "$DATA/postmaster.pid" ] || return 0
  pid=$(sed -n 1p "$DATA/postmaster.pid")
  if runs "$pid" "$DATA"; then
    as_owner "$(bindir)/pg_ctl" -D "$DATA" -m immediate -w -t 20 stop >/dev/null 2>&1 || kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$DATA/postmaster.pid"
}

# new_cluster BINDIR DATA creates a cluster. It reads the settings from standard input.
new_cluster() {
  local bin=$1 data=$2
  rm -rf "$data"
  mkdir -m 700 "$data"
  # initdb reads the password as the owner of the server, who cannot read our file.
  cp "$PASSWORD" "$data.password"
  chmod 600 "$data.password"
  chown "$(owner)" "$data" "$data.password"
  as_owner "$bin/initdb" -D "$data" -U postgres --auth=scram-sha-256 --pwfile="$data.password" \
    --no-sync --encoding=UTF8 --locale=C >"$data.initdb.log" 2>&1 </dev/null || { cat "$data.initdb.log" >&2; return 1; }
  rm -f "$data.password"
  # No socket files: their paths may be at most about 100 bytes long.
  {
    cat
    cat <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
jit = off
SETTINGS
  } >>"$data/postgresql.conf"
}

shared_settings() {
  cat <<SETTINGS
max_connections = $MAX_CONNECTIONS
shared_buffers = 256MB
max_wal_size = 2GB
fsync = off
synchronous_commit = off
full_page_writes = off
SETTINGS
}

any_port() { echo $((20000 + RANDOM % 12000)); } # below the ports that systems hand out

# run_cluster BINDIR DATA LOG PORT
run_cluster() {
  as_owner "$1/pg_ctl" -D "$2" -l "$3" -w -t 60 -o "-p $4" start >/dev/null 2>&1 </dev/null
}

# local_start BINDIR creates a cluster and starts it on a free port.
local_start() {
  local bin=$1 attempt try_port
  log "starting $("$bin/postgres" --version) from $bin"
  shared_settings | new_cluster "$bin" "$DATA" || return 1
  : >"$DIR/server.log"
  chown "$(owner)" "$DIR/server.log"
  for attempt in 1 2 3 4 5; do
    try_port=$(any_port)
    if run_cluster "$bin" "$DATA" "$DIR/server.log" "$try_port"; then
      printf '%s\n%s\n' "$bin" "$try_port" >"$SERVER"
      query "$bin" "$try_port" 'create extension if not exists vector' && return 0
      log "pgvector does not load; the server said:"
      break
    fi
    log "not on port $try_port (attempt $attempt of 5)"
  done
  tail -20 "$DIR/server.log" >&2
  return 1
}

# ---- way 2: Docker -----------------------------------------------------------

docker_engine() {
  [ -z "${LETHE_TEST_POSTGRES_NO_DOCKER:-}" ] && command -v docker >/dev/null &&
    bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1 </dev/null
}

docker_remove() { bounded 60 docker rm -f -v "$CONTAINER" >/dev/null 2>&1 </dev/null || true; }

# The port of the container changes with each start.
docker_port() { bounded 10 docker port "$CONTAINER" 5432/tcp 2>/dev/null </dev/null | sed -n '1s/.*://p'; }

# Over TCP and not with pg_isready, because while the image creates its cluster, its
# server answers only on the socket.
docker_answers() {
  [ "$(bounded 10 docker exec "${1:-$CONTAINER}" psql -XqAt -h 127.0.0.1 -U postgres -c 'select 1' 2>/dev/null </dev/null)" = 1 ]
}

# A container with an older password cannot be used.
docker_ours() {
  bounded 10 docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$CONTAINER" 2>/dev/null </dev/null |
    grep -qx "POSTGRES_PASSWORD=$(cat "$PASSWORD")"
}

docker_start() {
  local second
  if ! docker_ours || ! bounded 30 docker start "$CONTAINER" >/dev/null 2>&1 </dev/null; then
    docker_remove
    log "starting $IMAGE in Docker (the first time it is pulled)"
    bounded 300 docker run -d --name "$CONTAINER" -e "POSTGRES_PASSWORD=$(cat "$PASSWORD")" --shm-size 256m \
      -p 127.0.0.1::5432 "$IMAGE" -c "max_connections=$MAX_CONNECTIONS" -c shared_buffers=256MB -c max_wal_size=2GB \
      -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off >/dev/null </dev/null || return 1
  fi
  for second in $(seq 1 60); do
    if docker_answers && [ -n "$(docker_port)" ]; then return 0; fi
    sleep 1
  done
  log "the container did not answer within $second seconds:"
  bounded 10 docker logs --tail 20 "$CONTAINER" >&2 </dev/null || true
  docker_remove
  return 1
}

# ---- way 3: an installed one -------------------------------------------------

# has_pgvector BINDIR: it has initdb and pgvector 0.8.0 or newer.
has_pgvector() {
  local control version
  [ -x "$1/initdb" ] && [ -x "$1/pg_config" ] || return 1
  control=$("$1/pg_config" --sharedir)/extension/vector.control
  [ -f "$control" ] || return 1
  version=$(sed -n "s/^default_version *= *'\([0-9.]*\)'.*/\1/p" "$control")
  case $version in
  0.[0-7].* | 0.[0-7] | '') log "pgvector ${version:-of an unknown version} in $1 is too old: 0.8.0 or newer is needed"; return 1 ;;
  esac
}

# installed prints the folder of the newest suitable installed PostgreSQL.
installed() {
  local major dir
  for major in 19 18 17 16 15 14; do
    for dir in "/usr/lib/postgresql/$major/bin" "/usr/pgsql-$major/bin" "/opt/homebrew/opt/postgresql@$major/bin" \
      "/usr/local/opt/postgresql@$major/bin" "/Applications/Postgres.app/Contents/Versions/$major/bin"; do
      if has_pgvector "$dir"; then echo "$dir"; return 0; fi
    done
  done
  dir=$(command -v pg_config) || return 1
  dir=$("$dir" --bindir)
  has_pgvector "$dir" && echo "$dir"
}

# ---- way 4: Debian's packages, unpacked --------------------------------------

# debian_sources prints a line of sources.list for Debian 13, with the mirror that
# this machine uses for Debian and the keys that it has.
debian_sources() {
  local mirror key keys=
  mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' 2>/dev/null | grep -m1 -E '/debian/?$') ||
    { log "this machine's apt knows no Debian mirror"; return 1; }
  for key in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp \
    /usr/share/keyrings/debian-archive-trixie-stable.gpg /usr/share/keyrings/debian-archive-trixie-automatic.gpg; do
    [ ! -f "$key" ] || keys=${keys:+$keys,}$key
  done
  [ -n "$keys" ] || { log "Debian's archive keys are missing (package debian-archive-keyring)"; return 1; }
  echo "deb [signed-by=$keys] $mirror trixie main"
}

# apt_settings FOLDER prints settings with which apt uses only this folder. Settings
# for reaching the mirror, such as proxies, do not change.
apt_settings() {
  apt-config dump | grep '^Acquire::' || true
  cat <<SETTINGS
Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$1/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::State "$1"; Dir::State::lists "$1/lists"; Dir::State::status "$1/status";
Dir::Cache "$1"; Dir::Cache::archives "$1/archives"; Dir::Log "$1";
APT::Install-Recommends "false"; APT::Sandbox::User "$(id -un)"; APT::Update::Error-Mode "any";
Acquire::Languages "none"; Acquire::Retries "3"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
SETTINGS
}

# download FOLDER downloads the packages into FOLDER/archives. Of the packages that
# these two depend on, a server needs only the libraries, and not Perl, the code
# generator or the packages that configure a system.
download() {
  local apt=$1 packages
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  : >"$apt/status" # as if nothing were installed: every dependency is listed
  debian_sources >"$apt/sources.list" || return 1
  apt_settings "$apt" >"$apt/apt.conf"
  APT_CONFIG=$apt/apt.conf bounded 180 apt-get update -qq >&2 </dev/null || { log "the Debian mirror does not answer, or has no Debian 13"; return 1; }
  packages=$(APT_CONFIG=$apt/apt.conf apt-get install --simulate -qq postgresql-17 postgresql-17-pgvector | awk '$1 == "Inst" { print $2 }' |
    grep -E '^(postgresql-17|postgresql-17-pgvector|postgresql-client-17|zlib1g|lib.*)$' |
    grep -vE '^lib(llvm|z3|perl|gdbm|db5|pam|semanage|sepol|proc2|debconf|audit|.*-perl$|.*-common$|.*-db$|c-bin$|c-l10n$)')
  [ -n "$packages" ] || { log "the mirror's Debian 13 has no postgresql-17-pgvector"; return 1; }
  # shellcheck disable=SC2086 # one word a package
  (cd "$apt/archives" && APT_CONFIG=$apt/apt.conf bounded 300 apt-get download -qq $packages >&2 </dev/null) ||
    { log "the packages could not be downloaded"; return 1; }
}

# wrap replaces each program that is needed by a script, which runs the program with
# the loader and the libraries of the packages. The program gets the name of the
# script as its own name, because PostgreSQL finds its other files by that name.
wrap() {
  local bin=$1 loader libraries program
  loader=$(find "$UNPACKED" -name 'ld-linux*.so*' | head -n 1)
  libraries=$(dirname "$(find "$UNPACKED/usr/lib" -name libpq.so.5 | head -n 1)")
  [ -n "$loader" ] || return 1
  mv "$bin" "$bin.real"
  mkdir "$bin"
  for program in postgres initdb pg_ctl pg_config pg_isready psql; do
    printf '#!/bin/sh\nexec "%s" --library-path "%s" --argv0 "%s" "%s" "$@"\n' \
      "$loader" "$libraries" "$bin/$program" "$bin.real/$program" >"$bin/$program"
    chmod 755 "$bin/$program"
    [ "$program" = pg_config ] || "$bin/$program" --version >/dev/null || return 1
  done
}

# unpacked prints the folder of the unpacked programs. It downloads them once.
unpacked() {
  local bin=$UNPACKED/usr/lib/postgresql/17/bin apt=$DIR/apt package
  if [ -f "$UNPACKED/complete" ]; then echo "$bin"; return 0; fi
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  log "fetching PostgreSQL 17 and pgvector from Debian 13 into $DIR (once; about 60 MB)"
  rm -rf "$UNPACKED" "$apt"
  mkdir -p "$UNPACKED"
  download "$apt" || return 1
  for package in "$apt"/archives/*.deb; do
    dpkg-deb -x "$package" "$UNPACKED" || return 1
  done
  wrap "$bin" || { log "the unpacked programs do not run on this machine"; return 1; }
  rm -rf "$apt"
  chmod -R a+rX "$UNPACKED"
  : >"$UNPACKED/complete"
  echo "$bin"
}

# ---- a server for one test ---------------------------------------------------

# Its folder contains: way (the folder of the binaries, or "docker"), port, holder
# (the process id of the test), data, log and, if possible, small, which is a small
# file system that a test can fill.
SMALL=48m

# Unlike the data of the shared server, its data survives a crash, because that is tested.
private_settings() {
  cat <<SETTINGS
max_connections = 60
shared_buffers = 32MB
SETTINGS
}

private_container() { echo "$CONTAINER-private-$(basename "$1")"; }

# private_way prints the folder of the binaries, or "docker". It prefers what exists to
# what must be downloaded.
private_way() {
  if [ -f "$SERVER" ] && [ -x "$(bindir)/initdb" ]; then bindir; return; fi
  if installed; then return; fi
  if [ ! -f "$UNPACKED/complete" ] && docker_engine; then echo docker; return; fi
  unpacked || no_way
}

# private_new HOME creates the folder. SIZE is empty or "small".
private_new() {
  local home=$1 size=$2
  mkdir -p "$home"
  echo "$PPID" >"$home/holder"
  if [ "$(cat "$home/way")" = docker ]; then return; fi
  private_settings | new_cluster "$(cat "$home/way")" "$home/data" || return 1
  : >"$home/log"
  chown "$(owner)" "$home/log"
  [ "$size" = small ] || return 0
  mkdir "$home/small"
  # Only root may mount, and in some containers not even root.
  if mount -t tmpfs -o "size=$SMALL" lethe-test "$home/small" 2>/dev/null; then
    chown "$(owner)" "$home/small"
    chmod 700 "$home/small"
  else
    rmdir "$home/small"
  fi
}

# private_run HOME PORT SIZE
private_run() {
  local home=$1 port=$2 size=$3 name
  if [ "$(cat "$home/way")" != docker ]; then run_cluster "$(cat "$home/way")" "$home/data" "$home/log" "$port"; return; fi
  name=$(private_container "$home")
  if [ -f "$home/port" ]; then
    bounded 30 docker start "$name" >/dev/null </dev/null || return 1
  else
    # The image's PostgreSQL runs as the user 999.
    bounded 300 docker run -d --name "$name" -e "POSTGRES_PASSWORD=$(cat "$PASSWORD")" -p "127.0.0.1:$port:5432" \
      ${size:+--tmpfs "/small:size=$SMALL,uid=999,gid=999,mode=0700"} \
      "$IMAGE" -c max_connections=60 -c shared_buffers=32MB -c jit=off >/dev/null </dev/null ||
      { bounded 30 docker rm -f -v "$name" >/dev/null 2>&1 </dev/null; return 1; }
  fi
  for _ in $(seq 1 60); do
    if docker_answers "$name"; then return; fi
    sleep 1
  done
  return 1
}

# private_start HOME SIZE starts it on the same port as before.
private_start() {
  local home=$1 size=$2 attempt port
  if [ -f "$home/port" ]; then
    port=$(cat "$home/port")
    private_run "$home" "$port" "$size" || { tail -20 "$home/log" >&2; die "it does not start again"; }
  else
    private_new "$home" "$size" || die "no cluster could be made in $home"
    for attempt in 1 2 3 4 5; do
      port=$(any_port)
      if private_run "$home" "$port" "$size"; then echo "$port" >"$home/port"; break; fi
      [ "$attempt" != 5 ] || { tail -20 "$home/log" >&2; die "it does not start"; }
    done
  fi
  url "$port"
  if [ -d "$home/small" ]; then echo "$home/small"; elif [ -n "$size" ] && [ "$(cat "$home/way")" = docker ]; then echo /small; fi
}

# children PID prints the process ids of its children.
children() {
  local file
  if command -v ps >/dev/null; then ps -A -o pid= -o ppid= | awk -v parent="$1" '$2 == parent { print $1 }'; return; fi
  for file in /proc/[0-9]*/status; do
    awk -v parent="$1" '$1 == "Pid:" { pid = $2 } $1 == "PPid:" && $2 == parent { print pid }' "$file" 2>/dev/null || true
  done
}

# alive PID: it is running, and is not a zombie.
alive() {
  kill -0 "$1" 2>/dev/null || return 1
  case $(if command -v ps >/dev/null; then ps -p "$1" -o stat=; else awk '$1 == "State:" { print $2 }' "/proc/$1/status"; fi 2>/dev/null) in
  '' | Z*) return 1 ;;
  esac
}

# private_kill HOME ends every process of the server at once. If only the first were
# killed, the others would finish their work.
private_kill() {
  local home=$1 pid family member waited=0
  if [ "$(cat "$home/way" 2>/dev/null)" = docker ]; then
    bounded 30 docker kill "$(private_container "$home")" >/dev/null 2>&1 </dev/null || true
    return
  fi
  [ -f "$home/data/postmaster.pid" ] || return 0
  pid=$(sed -n 1p "$home/data/postmaster.pid")
  runs "$pid" "$home/data" || return 0
  kill -STOP "$pid" # it starts no more of them
  family="$pid $(children "$pid")"
  # shellcheck disable=SC2086 # one word a process
  kill -9 $family 2>/dev/null || true
  for member in $family; do
    while alive "$member" && [ "$waited" -lt 100 ]; do
      sleep 0.05
      waited=$((waited + 1))
    done
  done
  rm -f "$home/data/postmaster.pid" # the next start would take it for one of a server that runs
}

private_stop() {
  local home=$1
  private_kill "$home"
  if [ "$(cat "$home/way" 2>/dev/null)" = docker ]; then
    bounded 60 docker rm -f -v "$(private_container "$home")" >/dev/null 2>&1 </dev/null || true
  fi
  if [ -d "$home/small" ]; then umount "$home/small" 2>/dev/null || true; fi
  rm -rf "$home"
}

# private_sweep [all] stops the servers of tests that were killed.
private_sweep() {
  local home holder
  for home in "$PRIVATE"/*; do
    [ -d "$home" ] || continue
    holder=$(cat "$home/holder" 2>/dev/null || true)
    if [ "${1:-}" = all ] || { [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; }; then private_stop "$home"; fi
  done
}

private() {
  local home
  case ${1:-} in
  '' | *[!a-z0-9-]*) die "a private server needs a name of a-z, 0-9 and -" ;;
  esac
  home=$PRIVATE/$1
  case ${2:-} in
  start)
    if [ ! -d "$home" ]; then
      prepare
      private_sweep
      mkdir -p "$PRIVATE" "$home"
      private_way >"$home/way"
      unlock # the rest takes seconds, and disturbs nobody
    fi
    private_start "$home" "${3:-}"
    ;;
  kill) private_kill "$home" ;;
  stop) private_stop "$home" ;;
  *) die "a private server can be told start, kill or stop" ;;
  esac
}

# ---- the commands ------------------------------------------------------------

prepare() {
  mkdir -p "$DIR"
  # In /var/tmp another user may have created the folder first.
  [ -O "$DIR" ] || die "$DIR belongs to another user; set LETHE_TEST_POSTGRES_DIR to a folder of yours"
  chmod 755 "$DIR"
  lock
  if [ ! -s "$PASSWORD" ]; then (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$PASSWORD"); fi
}

start() {
  local bin
  if [ -n "${LETHE_TEST_DATABASE_URL:-}" ]; then echo "$LETHE_TEST_DATABASE_URL"; return; fi
  prepare
  if local_runs; then url "$(port)"; return; fi
  if docker_engine; then
    if docker_start; then url "$(docker_port)"; return; fi
    log "Docker could not run it; trying without"
  fi
  local_stop
  bin=$(installed) || bin=$(unpacked) || no_way
  local_start "$bin" || die "the server did not start"
  log "ready: PostgreSQL $(query "$bin" "$(port)" "select current_setting('server_version') || ', pgvector ' || extversion from pg_extension where extname = 'vector'")"
  url "$(port)"
}

no_way() {
  cat >&2 <<'TEXT'
ensure-postgres: no PostgreSQL with pgvector 0.8.0 or newer was found, and none could be fetched.
The tests need a real one. Do one of these and run them again:
  - start Docker
  - macOS:                               brew install postgresql@17 pgvector
  - Debian 13, Ubuntu 25.04, or newer:   apt-get install postgresql-17-pgvector
  - elsewhere, or have one already:      set LETHE_TEST_DATABASE_URL to a superuser's
                                         postgres:// URL (it creates and drops databases)
TEXT
  exit 1
}

stop() {
  prepare
  private_sweep all
  local_stop
  if docker_engine; then docker_remove; fi
}

case ${1:-start} in
start) start ;;
stop) stop ;;
status)
  if local_runs; then log "running on port $(port)"; elif docker_engine && docker_answers; then log "running in Docker on port $(docker_port)"; else log "not running"; exit 1; fi
  ;;
clean)
  stop
  rm -rf "$DIR"
  HELD=
  ;;
private)
  shift
  private "$@"
  ;;
*) sed -n '2,18s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
