#!/usr/bin/env bash
# Draws the schema as a picture.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/draw_schema.sh [FILE]

Writes FILE (erd/ops.svg) from dbml/ops.dbml: a box a topic, an arrow a foreign key, without the views. Graphviz comes
from npm, compiled for Node. No check compares the picture; call this after scripts/validate_schema.sh --write.
Exit codes: 0 drawn, 2 wrong usage, 3 something is missing, otherwise that of what failed.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
file=${1:-erd/ops.svg}
packages=$(scripts/dev/npm-packages @dbml/core@10.2.0 @hpcc-js/wasm-graphviz@1.29.2)
node scripts/dev/draw-schema.mjs "$packages" >"$file.part"
mv "$file.part" "$file"
echo "$file drawn"
