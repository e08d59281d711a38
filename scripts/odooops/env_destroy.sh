#!/usr/bin/env bash
# Cancels a run.
set -euo pipefail
# shellcheck source=scripts/odooops/connect.sh
source "$(dirname "${BASH_SOURCE[0]}")/connect.sh"

usage() {
  cat <<'TEXT'
usage: env_destroy.sh RUN_ID

Cancels the run and prints canceled:RUN_ID. A queued run is canceled at once; the worker of a running
one is asked to stop and removes what it made. Repeated, it changes nothing.
A run that has succeeded or failed holds nothing any more: prints succeeded:RUN_ID or failed:RUN_ID.

Database: DATABASE_URL, else SUPABASE_DB_URL, else libpq's own variables (PGHOST, PGUSER, ...).

Exit codes: 0 canceled, or ended before; 1 not found or refused by the database, 2 wrong usage,
            3 the database cannot be reached.
TEXT
}

case "${1:-}" in
  -h | --help)
    usage
    exit 0
    ;;
esac
(($# == 1)) || usage_error "1 argument is needed, not $#"
require_run_id "$1"

choose_database
query "run $1 cannot be read" "run_id=$1" <<'SQL'
select r.status from ops.runs r where r.id = :'run_id'::uuid;
SQL
status=$ANSWER
case $status in
  succeeded | failed)
    say "run $1 had $status already: nothing was left to cancel"
    printf '%s:%s\n' "$status" "$1"
    exit 0
    ;;
esac

query "run $1 was not canceled" "run_id=$1" <<'SQL'
select c.status from ops.cancel_run(p_run_id => :'run_id'::uuid, p_reason => 'env_destroy.sh') c;
SQL
[[ $ANSWER == canceled ]] || say "run $1 is $ANSWER: its worker has been asked to stop"
printf 'canceled:%s\n' "$1"
