#!/usr/bin/env bash
# Sourced by env_*.sh: how they reach the database. They need bash, psql and coreutils, and the contract.

readonly EXIT_FAILED=1 EXIT_USAGE=2 EXIT_UNREACHABLE=3
readonly UUID_PATTERN='^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
# One statement takes milliseconds; a database that hangs must not hang a pipeline.
readonly QUERY_LIMIT_SECS=60

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  local code=$1
  shift
  say "$@"
  exit "$code"
}

usage_error() { die "$EXIT_USAGE" "$*; see ${0##*/} --help"; }

require_run_id() {
  [[ $1 =~ $UUID_PATTERN ]] || usage_error "RUN_ID must be a UUID as env_create.sh prints it, not '$1'"
}

# Arguments for psql. A password in the URL goes through the environment: arguments can be seen by anyone.
declare -a PSQL_TARGET=()
choose_database() {
  command -v psql >/dev/null || die "$EXIT_UNREACHABLE" "psql is not installed (Debian: apt install postgresql-client)"
  local url=${DATABASE_URL:-${SUPABASE_DB_URL:-}}
  [[ -n $url ]] || return 0
  if [[ $url =~ ^(postgres(ql)?://[^:@/?#]*):([^@/?#]*)@(.*)$ ]]; then
    url=${BASH_REMATCH[1]}@${BASH_REMATCH[4]}
    local password=${BASH_REMATCH[3]//\\/\\\\}
    printf -v PGPASSWORD '%b' "${password//%/\\x}"
    export PGPASSWORD
  fi
  PSQL_TARGET=(--dbname="$url")
}

# Runs the SQL on stdin and prints its rows, columns separated by 0x1f. Arguments are psql variables
# (name=value), quoted by psql as :'name'. What psql says on errors is left in SQL_ERROR.
# Returns 0, 2 (no connection) or 3 (the statement failed), as psql does.
SQL_ERROR=''
run_sql() {
  local -a variables=()
  local pair errors status=0
  for pair in "$@"; do variables+=(--set="$pair"); done
  errors=$(mktemp)
  PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10} timeout --kill-after=5 "$QUERY_LIMIT_SECS" \
    psql --no-psqlrc --no-password --quiet --tuples-only --no-align --field-separator=$'\x1f' \
    --set=ON_ERROR_STOP=1 "${variables[@]}" "${PSQL_TARGET[@]}" 2>"$errors" || status=$?
  SQL_ERROR=$(<"$errors")
  rm -f "$errors"
  case $status in
    0 | 3) return "$status" ;;
    124 | 137)
      SQL_ERROR="no answer within $QUERY_LIMIT_SECS s"
      return 2
      ;;
    *)
      # psql ends with 2 when the connection breaks, 1 when it gave up itself.
      return 2
      ;;
  esac
}

# Runs the SQL on stdin and leaves its rows in ANSWER; ends the script with a message if that fails.
# First argument: what did not happen then; the others as for run_sql.
ANSWER=''
query() {
  local failure=$1 status=0 rows
  shift
  rows=$(mktemp)
  run_sql "$@" >"$rows" || status=$?
  # shellcheck disable=SC2034 # the scripts that source this file read it
  ANSWER=$(<"$rows")
  rm -f "$rows"
  case $status in
    0) ;;
    3) die "$EXIT_FAILED" "$failure: $(sql_message)" ;;
    *) unreachable ;;
  esac
}

# The message of the database without psql's decoration.
sql_message() { sed -E 's/^psql:<stdin>:[0-9]+: //; s/^ERROR: +//; /^(CONTEXT|LINE|LOCATION):/,$d' <<<"$SQL_ERROR"; }

unreachable() {
  die "$EXIT_UNREACHABLE" "the database cannot be reached: ${SQL_ERROR:-psql said nothing}
Set DATABASE_URL (or SUPABASE_DB_URL, or libpq's PGHOST, PGPORT, PGUSER, PGDATABASE) to the control-plane database."
}
