#!/usr/bin/env bash
# Waits until a run has ended.
set -euo pipefail
# shellcheck source=scripts/odooops/connect.sh
source "$(dirname "${BASH_SOURCE[0]}")/connect.sh"

usage() {
  cat <<'TEXT'
usage: env_wait_ready.sh RUN_ID [TIMEOUT=1200] [INTERVAL=5]

Waits until the run has ended; asks every INTERVAL seconds, TIMEOUT seconds at most (0: asks once).
Prints the URL of the newest artifact of a run that succeeded, or "succeeded" where it has none.
Otherwise says why not, with the last 5 events, on stderr.

Database: DATABASE_URL, else SUPABASE_DB_URL, else libpq's own variables (PGHOST, PGUSER, ...).

Exit codes: 0 succeeded, 1 failed, canceled, not found or not ended in time, 2 wrong usage,
            3 the database cannot be reached (later outages are waited out until TIMEOUT).
TEXT
}

case "${1:-}" in
  -h | --help)
    usage
    exit 0
    ;;
esac
(($# >= 1 && $# <= 3)) || usage_error "1 to 3 arguments are needed, not $#"
run_id=$1 timeout_secs=${2:-1200} interval_secs=${3:-5}
require_run_id "$run_id"
[[ $timeout_secs =~ ^[0-9]{1,7}$ ]] || usage_error "TIMEOUT must be whole seconds, not '$timeout_secs'"
[[ $interval_secs =~ ^[1-9][0-9]{0,5}$ ]] || usage_error "INTERVAL must be whole seconds from 1, not '$interval_secs'"
timeout_secs=$((10#$timeout_secs))

print_last_events() {
  query "the events of run $run_id cannot be read" "run_id=$run_id" <<'SQL'
select line
from (
  select
    to_char(e.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ' attempt ' || e.attempt || ' '
      || coalesce(e."from"::text, 'new') || ' -> ' || coalesce(e."to"::text, '-')
      || coalesce(' ' || e.reason, '') || case when e.detail = '{}' then '' else ' ' || e.detail::text end as line,
    row_number() over (order by e.created_at desc) as age
  from ops.run_events e
  where e.run_id = :'run_id'::uuid
  order by e.created_at desc
  limit 5
) newest
order by age desc;
SQL
  printf 'Last events:\n%s\n' "${ANSWER:-(none)}" >&2
}

ask() {
  run_sql "run_id=$run_id" <<'SQL'
select
  r.status,
  coalesce(
    (
      select a.s3_url from ops.run_artifacts a
      where a.run_id = r.id order by a.created_at desc, a.artifact_key desc limit 1
    ),
    'succeeded'
  ),
  coalesce(r.failure_reason::text, ''),
  replace(coalesce(r.error_message, r.cancel_reason, ''), chr(10), ' ')
from ops.runs r
where r.id = :'run_id'::uuid;
SQL
}

answer_file=$(mktemp)
trap 'rm -f "$answer_file"' EXIT
choose_database
status='' asked_before=no
while true; do
  result=0
  ask >"$answer_file" || result=$?
  case $result in
    0)
      asked_before=yes
      IFS=$'\x1f' read -r status artifact reason message <"$answer_file" || status=''
      ;;
    3) die "$EXIT_FAILED" "run $run_id cannot be read: $(sql_message)" ;;
    *)
      [[ $asked_before == yes ]] || unreachable
      say "the database cannot be reached now, still waiting: $SQL_ERROR"
      ;;
  esac
  case $status in
    '') die "$EXIT_FAILED" "there is no run $run_id (or it is not yours to see)" ;;
    succeeded)
      printf '%s\n' "$artifact"
      exit 0
      ;;
    failed | canceled)
      say "run $run_id $status${reason:+ ($reason)}${message:+: $message}"
      print_last_events
      exit "$EXIT_FAILED"
      ;;
  esac
  left_secs=$((timeout_secs - SECONDS))
  if ((left_secs <= 0)); then
    say "run $run_id is still $status after $timeout_secs s"
    print_last_events
    exit "$EXIT_FAILED"
  fi
  sleep "$((left_secs < interval_secs ? left_secs : interval_secs))"
done
