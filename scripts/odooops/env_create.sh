#!/usr/bin/env bash
# Queues a run and prints its id.
set -euo pipefail
# shellcheck source=scripts/odooops/connect.sh
source "$(dirname "${BASH_SOURCE[0]}")/connect.sh"

usage() {
  cat <<'TEXT'
usage: env_create.sh PROJECT WORKFLOW GIT_REF SHA [ENV]

Queues a run and prints its id (a UUID), for env_wait_ready.sh and env_destroy.sh.

  PROJECT   slug of the project
  WORKFLOW  name of a workflow, or a kind: build, test, deploy, backup, restore, clone, update, upgrade
  GIT_REF   branch, tag or ref; '' for the project's default branch
  SHA       commit, whole or shortened; '' for the newest of GIT_REF
  ENV       environment: its id (a UUID), or a name, which the run finds in its input as "environment"

Database: DATABASE_URL, else SUPABASE_DB_URL, else libpq's own variables (PGHOST, PGUSER, ...).

Exit codes: 0 queued, 1 refused by the database (unknown project or workflow, not permitted, ...),
            2 wrong usage, 3 the database cannot be reached.
TEXT
}

case "${1:-}" in
  -h | --help)
    usage
    exit 0
    ;;
esac
(($# >= 4 && $# <= 5)) || usage_error "4 or 5 arguments are needed, not $#"
[[ -n $1 ]] || usage_error 'PROJECT is empty'
[[ -n $2 ]] || usage_error 'WORKFLOW is empty'
[[ $3 != -* ]] || usage_error "GIT_REF must not start with - ('$3')"
[[ $4 =~ ^([0-9a-fA-F]{4,64})?$ ]] || usage_error "SHA must be 4 to 64 hexadecimal digits, or '', not '$4'"

options='{}' input_environment=''
if [[ ${5:-} =~ $UUID_PATTERN ]]; then
  options="{\"environment\": \"$5\"}"
else
  input_environment=${5:-}
fi

choose_database
query "no run was queued for project '$1', workflow '$2'" \
  "project=$1" "workflow=$2" "git_ref=$3" "sha=$4" "options=$options" "environment=$input_environment" <<'SQL'
select id
from ops.enqueue_run(
  p_project => :'project',
  p_workflow => :'workflow',
  p_git_ref => nullif(:'git_ref', ''),
  p_commit_sha => nullif(:'sha', ''),
  p_input => jsonb_strip_nulls(jsonb_build_object('environment', nullif(:'environment', ''))),
  p_options => (:'options')::jsonb
);
SQL
printf '%s\n' "$ANSWER"
