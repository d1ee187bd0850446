#!/usr/bin/env bash
# Lists the modules that are linked into lethe on any platform of `make dist`, each
# with its version and the first line of its licence that names one.
set -euo pipefail
for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
  GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go list -deps \
    -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/lethe
done | sort -u | while read -r module version dir; do
  licence=$(find "$dir" -maxdepth 1 -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'UNLICENSE*' \) | sort | head -1)
  name='no licence file'
  if [ -n "$licence" ]; then
    name=$(grep -oiE -m1 'Apache License|MIT License|Mozilla Public License|ISC License|Unlicense|zlib|Permission is hereby granted|Redistribution and use' "$licence" || true)
    case "${name,,}" in
      'permission is hereby granted') name='MIT License' ;;
      'redistribution and use') name='BSD License' ;;
      '') name="see its $(basename "$licence")" ;;
    esac
  fi
  printf '%s\t%s\t%s\n' "$module" "$version" "$name"
done
