#!/usr/bin/env bash
# Is what our documents point at there?
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/validate_docs.sh

Of every *.md: links within the repository and their anchors; in code, the files, commands of odooops, variables
ODOOOPS_… and names in schema ops that it mentions. Decisions (docs/adr/) have a number of their own each, that of their title.
Connects to nothing. Prints every problem.
Exit codes: 0 all there, 1 not, 2 wrong usage, 3 something is missing.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac
command -v python3 >/dev/null || { echo 'python3 is missing: apt-get install python3' >&2; exit 3; }
exec python3 scripts/dev/docs_problems.py
