#!/usr/bin/env bash
# Prints the path of a program that starts Chromium, for the tests of the page. The file
# axe.min.js (axe-core) is beside it. The path is all that goes to standard output.
#
#   ensure-chromium.sh          print the path; fetch what is missing
#   ensure-chromium.sh clean    delete everything that was fetched
#
# The first browser that works is taken:
#   1. LETHE_TEST_CHROMIUM, as given
#   2. an installed Chrome or Chromium of version 125 or newer
#   3. Debian's chromium with its libraries: packages of the release that this machine runs,
#      downloaded by apt and unpacked (not installed) into a private folder
# axe-core comes from its npm package by npm's own client, at a fixed version.
# Without a browser, or without axe-core, the script fails and says what to install. Tests
# are not skipped.
#
# Settings: LETHE_TEST_CHROMIUM_DIR (the private folder), LETHE_TEST_CHROMIUM_UNPACKED=1 (do
# not look for an installed browser).
#
# Ways 1 and 2 use only what bash 3.2 and the tools of macOS understand.
set -euo pipefail

AXE_VERSION=4.14.1
AXE_SHA256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
OLDEST=125 # Chromium: the page needs its style functions and highlights

DIR=${LETHE_TEST_CHROMIUM_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lethe-test-chromium}
WRAPPER=$DIR/chromium # what is printed
AXE=$DIR/axe.min.js
UNPACKED=$DIR/debian

log() { echo "ensure-chromium: $*" >&2; }
die() { log "$*"; exit 1; }

# bounded SECONDS COMMAND... ends a command that hangs. macOS has no timeout(1).
bounded() {
  if command -v timeout >/dev/null; then timeout -k 5 "$@"; else perl -e 'alarm shift @ARGV; exec @ARGV or exit 127' "$@"; fi
}

checksum() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1; }

# works PROGRAM: it is new enough, and it loads a page.
works() {
  local version profile
  version=$(bounded 30 "$1" --version 2>/dev/null </dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1) || return 1
  [ -n "$version" ] || return 1
  if [ "${version%%.*}" -lt "$OLDEST" ]; then log "$1 has version $version; $OLDEST or newer is needed"; return 1; fi
  profile=$(mktemp -d)
  bounded 60 "$1" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking \
    --user-data-dir="$profile" --dump-dom 'data:text/html,<p>it works' 2>"$DIR/browser.log" </dev/null | grep -q 'it works'
  local result=$?
  rm -rf "$profile"
  return $result
}

# put FILE writes standard input to a file in one step, because runs may overlap.
put() { cat >"$1.$$" && chmod 755 "$1.$$" && mv -f "$1.$$" "$1"; }

# ---- ways 1 and 2: a browser that is there -----------------------------------

installed() {
  local name program
  for name in chromium google-chrome google-chrome-stable chrome chromium-browser \
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' /Applications/Chromium.app/Contents/MacOS/Chromium; do
    program=$(command -v "$name") || continue
    if works "$program"; then echo "$program"; return 0; fi
    log "$program does not work"
  done
  return 1
}

# ---- way 3: Debian's packages, unpacked --------------------------------------

# apt_settings FOLDER prints settings that keep what apt writes inside the folder. Its
# sources, keys and proxies remain those of this machine.
apt_settings() {
  cat <<SETTINGS
Dir::State "$1"; Dir::State::lists "$1/lists"; Dir::State::status "$1/status";
Dir::Cache "$1"; Dir::Cache::archives "$1/archives"; Dir::Log "$1";
APT::Install-Recommends "false"; APT::Sandbox::User "$(id -un)"; APT::Update::Error-Mode "any";
Acquire::Languages "none"; Acquire::Retries "3"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
SETTINGS
}

# download FOLDER fetches the packages into FOLDER/archives. Of all that chromium depends
# on, a browser without a screen needs the libraries and fonts. The C library is that of this
# machine, because the packages are of the same release.
download() {
  local apt=$1 packages
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  : >"$apt/status" # as if nothing were installed: every dependency is listed
  apt_settings "$apt" >"$apt/apt.conf"
  APT_CONFIG=$apt/apt.conf bounded 300 apt-get update -qq >&2 </dev/null || { log "the package mirror of this machine does not answer"; return 1; }
  packages=$(APT_CONFIG=$apt/apt.conf apt-get install --simulate -qq chromium fonts-dejavu-core | awk '$1 == "Inst" { print $2 }' |
    grep -E '^(chromium|chromium-common|fonts-dejavu-core|zlib1g|lib.*)$' |
    grep -vE '^lib(c6|crypt1|llvm|z3|gl1|glx|glapi|drm-|perl|gdbm|db5|pam|semanage|sepol|proc2|debconf|audit|cryptsetup|devmapper|.*-perl$|.*-common$|c-bin$|c-l10n$)')
  echo "$packages" | grep -qx chromium || { log "this machine's apt has no package chromium"; return 1; }
  # shellcheck disable=SC2086 # one word a package
  (cd "$apt/archives" && APT_CONFIG=$apt/apt.conf bounded 600 apt-get download -qq $packages >&2 </dev/null) ||
    { log "the packages could not be downloaded"; return 1; }
}

# launcher ROOT prints the script that starts the unpacked browser: with the libraries and
# fonts of the packages, and with none of the settings of this machine.
launcher() {
  local root=$1 libraries
  libraries=$(find "$root/usr/lib" "$root/lib" -name '*.so*' -exec dirname {} + 2>/dev/null | sort -u | grep -vE '/(chromium|gconv|gtk-3.0|gdk-pixbuf|gio|krb5|engines|ossl-modules|sasl2|vdpau|dri)(/|$|-)' | tr '\n' ':')
  cat <<SCRIPT
#!/bin/sh
export LD_LIBRARY_PATH='${libraries%:}' FONTCONFIG_FILE='$root/fonts.conf' XDG_DATA_DIRS='$root/usr/share'
exec '$root/usr/lib/chromium/chromium' "\$@"
SCRIPT
}

fonts() {
  cat <<SETTINGS
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$1/usr/share/fonts</dir><cachedir>$1/fonts-cache</cachedir></fontconfig>
SETTINGS
}

# unpacked prints the launcher of the unpacked browser, and fetches the browser once.
unpacked() {
  local apt=$DIR/apt.$$ new=$DIR/debian.$$ package
  if [ -f "$UNPACKED/complete" ]; then echo "$UNPACKED/launch"; return 0; fi
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  log "fetching Debian's chromium into $DIR (once; about 180 MB)"
  trap 'rm -rf "$DIR/apt.$$" "$DIR/debian.$$"' EXIT
  mkdir -p "$new"
  download "$apt" || return 1
  for package in "$apt"/archives/*.deb; do
    dpkg-deb -x "$package" "$new" || return 1
  done
  : >"$new/complete"
  rm -rf "$UNPACKED"
  mv -T "$new" "$UNPACKED" || [ -f "$UNPACKED/complete" ] || return 1 # another run may have been faster
  fonts "$UNPACKED" >"$UNPACKED/fonts.conf"
  launcher "$UNPACKED" | put "$UNPACKED/launch"
  if ! works "$UNPACKED/launch"; then
    log "the unpacked browser does not work:"
    tail -n 5 "$DIR/browser.log" >&2
    rm -rf "$UNPACKED"
    return 1
  fi
  rm -rf "$apt"
  echo "$UNPACKED/launch"
}

# ---- axe-core ----------------------------------------------------------------

axe() {
  local folder
  if [ -f "$AXE" ] && [ "$(checksum "$AXE")" = "$AXE_SHA256" ]; then return 0; fi
  command -v npm >/dev/null || die "axe-core is needed, and npm fetches it: install Node.js with npm"
  folder=$(mktemp -d)
  bounded 180 npm pack --silent --pack-destination "$folder" "axe-core@$AXE_VERSION" >/dev/null </dev/null ||
    die "npm could not download axe-core@$AXE_VERSION; check npm config get registry, or set npm_config_registry"
  tar -xzf "$folder"/*.tgz -C "$folder" package/axe.min.js
  [ "$(checksum "$folder/package/axe.min.js")" = "$AXE_SHA256" ] || die "axe-core@$AXE_VERSION has another checksum than expected"
  put "$AXE" <"$folder/package/axe.min.js"
  rm -rf "$folder"
}

# ---- what is done ------------------------------------------------------------

# browser prints the path of a browser that works.
browser() {
  if [ -n "${LETHE_TEST_CHROMIUM:-}" ] && [ "$LETHE_TEST_CHROMIUM" != "$WRAPPER" ]; then
    works "$LETHE_TEST_CHROMIUM" || die "LETHE_TEST_CHROMIUM=$LETHE_TEST_CHROMIUM does not work"
    echo "$LETHE_TEST_CHROMIUM"
    return 0
  fi
  if [ -z "${LETHE_TEST_CHROMIUM_UNPACKED:-}" ] && installed; then return 0; fi
  unpacked || die "no browser: install Chromium or Chrome $OLDEST or newer (Debian: apt-get install chromium), or set LETHE_TEST_CHROMIUM"
}

case ${1:-start} in
start)
  mkdir -p "$DIR"
  program=$(browser)
  axe
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" | put "$WRAPPER"
  echo "$WRAPPER"
  ;;
clean) rm -rf "$DIR" ;;
*) die "usage: ensure-chromium.sh [start|clean]" ;;
esac
