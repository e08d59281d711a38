#!/usr/bin/env bash
# Does Prisma accept dbml/schema.prisma and make a client from it?
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/validate_prisma.sh

Prisma's own validation of dbml/schema.prisma, then the generation of a client in a folder that is removed, which
must have every model, view and enum. Needs Node 20.19 or later; installs Prisma from npm below .dev once; connects to nothing.
Exit codes: 0 accepted, 1 not accepted, 2 wrong usage, 3 something is missing.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac

schema=dbml/schema.prisma
[ -s "$schema" ] || { echo "$schema is missing: scripts/validate_schema.sh --write makes it" >&2; exit 1; }
folder=$(scripts/dev/npm-packages prisma@7.10.0 @prisma/client@7.10.0)
# Neither command needs the engine, but the program fetches one at its start unless told where it is.
export PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 PRISMA_HIDE_UPDATE_MESSAGE=1 NO_COLOR=1
work=$(mktemp -d "$folder/check.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$schema" "$work/schema.prisma"
prisma() {
  local status=0
  (cd "$work" && "$folder/node_modules/.bin/prisma" "$@" --schema schema.prisma) >"$work/said" 2>&1 || status=1
  [ "$status" = 0 ] || { echo "prisma $1 refuses $schema:" >&2; cat "$work/said" >&2; exit 1; }
}
prisma validate
prisma generate
expected=$(sed -nE 's/^(model|view|enum) ([A-Za-z0-9_]+) \{$/\2/p' "$schema")
[ -n "$expected" ] || { echo "$schema has no model" >&2; exit 1; }
for name in $expected; do
  grep -qrE "export (const|type) $name\b" "$work/generated" ||
    { echo "the generated client has no $name" >&2; exit 1; }
done
echo "Prisma accepts $schema: $(wc -w <<<"$expected") models, views and enums"
