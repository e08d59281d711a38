#!/usr/bin/env bash
# Are the committed diagrams those of a freshly migrated database, and do their parsers read them?
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/validate_schema.sh [--binary FILE] [--write]
       scripts/validate_schema.sh --parse

Migrates an empty database, exports it, and compares with dbml/ops.dbml, erd/ops.mmd and dbml/schema.prisma; a
second `odooops migrate` must find nothing to do. With --write the files are renewed. Then DBML's and Mermaid's
own parsers read them and the diagrams in docs/odooops-sh/; with --parse nothing else is done.
The database is made on the server of ODOOOPS_TEST_DATABASE_URL, and dropped; else a private server is started
below .dev/schema and stopped. Builds the program unless one is given. Needs psql and Node.
Exit codes: 0 all agrees, 1 it does not, 2 wrong usage, 3 something is missing.
TEXT
}

binary=
write=0
parse() {
  local packages
  packages=$(scripts/dev/npm-packages @dbml/core@10.2.0 mermaid@12.3.0 linkedom@0.18.15)
  node scripts/dev/parse-diagrams.mjs "$packages" || exit 1
}
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --binary) [ $# -ge 2 ] || { usage >&2; exit 2; }; binary=$2; shift ;;
    --write) write=1 ;;
    --parse) parse; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

if [ -z "$binary" ]; then
  cargo build --quiet --bin odooops
  binary=${CARGO_TARGET_DIR:-$PWD/target}/debug/odooops
fi

work=$(mktemp -d)
database=odooops_diagrams_$$
server=${ODOOOPS_TEST_DATABASE_URL:-}
private=0
end() {
  if [ -n "$server" ]; then
    psql -q "$server" -c 'set client_min_messages = warning' -c "drop database if exists $database with (force)"
  fi
  [ "$private" = 0 ] || scripts/dev/postgres stop .dev/schema
  rm -rf "$work"
}
trap end EXIT
if [ -z "$server" ]; then
  private=1
  scripts/dev/install postgres >&2
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  server=$(scripts/dev/postgres start .dev/schema "$port")
fi
psql -q "$server" -v ON_ERROR_STOP=1 -c "create database $database template template0"
odooops() { env -u SUPABASE_DB_URL DATABASE_URL="$(sed -E "s#/[^/?]*(\?|\$)#/$database\1#" <<<"$server")" ODOOOPS_CONFIG='' "$binary" "$@"; }
odooops migrate >/dev/null
odooops migrate | grep -q 'no new migration' || { echo 'a second migrate finds something to do' >&2; exit 1; }
odooops migrate --check

behind=0
for pair in dbml=dbml/ops.dbml mermaid=erd/ops.mmd prisma=dbml/schema.prisma; do
  file=${pair#*=}
  odooops schema export --format "${pair%%=*}" --out "$work/made" >/dev/null
  if [ "$write" = 1 ]; then
    mkdir -p "$(dirname "$file")"
    cp "$work/made" "$file"
  elif ! diff -u "$file" "$work/made" >"$work/diff" 2>&1; then
    behind=1
    head -n 30 "$work/diff" >&2
    echo "$file is not what a migrated database gives: scripts/validate_schema.sh --write renews it" >&2
  fi
done
[ "$behind" = 0 ] || exit 1
parse
echo 'the diagrams are those of a migrated database, and their parsers read them'
