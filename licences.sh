#!/usr/bin/env bash
# usage: licences.sh [texts]
# Lists Go and the modules that are linked into lethe on the platforms of `make dist`,
# each with its version and the name of its licence. With "texts" it prints the whole
# text of each licence, which must accompany a binary.
set -euo pipefail

licence_files() {
  find "$1" -maxdepth 1 -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'UNLICENSE*' -o -iname 'NOTICE*' \) | sort
}

# The first line of the licence file that names a licence decides.
licence_name() {
  local file name
  file=$(licence_files "$1" | grep -iv '/notice[^/]*$' | head -1)
  [ -n "$file" ] || { echo 'no licence file'; return; }
  name=$(grep -oiE -m1 'Apache License|MIT License|Mozilla Public License|ISC License|Unlicense|zlib|Permission is hereby granted|Redistribution and use' "$file" || true)
  case "${name,,}" in
    'permission is hereby granted') name='MIT License' ;;
    'redistribution and use') name='BSD License' ;;
    '') name="see its $(basename "$file")" ;;
  esac
  echo "$name"
}

{
  printf 'go %s %s\n' "$(go env GOVERSION)" "$(go env GOROOT)"
  for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
    GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go list -deps \
      -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/lethe
  done
} | sort -u | while read -r module version dir; do
  if [ "${1:-}" = texts ]; then
    licence_files "$dir" | while read -r file; do
      printf '==== %s %s: %s\n\n' "$module" "$version" "$(basename "$file")"
      cat "$file"
      printf '\n'
    done
  else
    printf '%s\t%s\t%s\n' "$module" "$version" "$(licence_name "$dir")"
  fi
done
