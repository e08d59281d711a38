#!/usr/bin/env bash
# Is spec/odooops-sh/ whole, and is every tick backed by tests that exist?
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
usage: scripts/validate_spec_kit_odooops.sh

The four files and their sections; each ticked task of tasks.md names at least one test (`tests/FILE.rs::NAME`), and
the sources have it; each open one says what is missing; each requirement is in the plan. Prints every problem.
Exit codes: 0 whole, 1 not, 2 wrong usage, 3 something is missing.
TEXT
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac
command -v python3 >/dev/null || { echo 'python3 is missing: apt-get install python3' >&2; exit 3; }
exec python3 scripts/dev/spec_kit_problems.py
