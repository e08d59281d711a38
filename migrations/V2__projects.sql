-- Who this control plane is, its projects, their members and their limits.

create table ops.instance (
  singleton boolean not null default true,
  id uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint instance_pkey primary key (singleton),
  constraint instance_singleton check (singleton)
);
comment on table ops.instance is
  'One row: the identity of this control plane, written on every container that it starts.';

create table ops.projects (
  id uuid not null,
  slug text not null,
  name text not null,
  repo_url text,
  default_branch text,
  odoo_version text,
  status ops.project_status not null default 'active',
  paused_reason text,
  max_running int,
  settings jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint projects_pkey primary key (id),
  constraint projects_slug_key unique (slug),
  constraint projects_slug_format check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  constraint projects_name_not_empty check (name <> ''),
  constraint projects_max_running_positive check (max_running > 0),
  constraint projects_settings_object check (jsonb_typeof(settings) = 'object')
);
comment on table ops.projects is 'A repository of Odoo addons and what is done with it.';
comment on column ops.projects.paused_reason is 'Not null: no run of the project is claimed.';
comment on column ops.projects.max_running is
  'At most so many runs of the project at a time; null: no limit.';

create table ops.project_memberships (
  project_id uuid not null,
  user_id uuid not null,
  role ops.member_role not null,
  created_at timestamptz not null,
  constraint project_memberships_pkey primary key (user_id, project_id),
  constraint project_memberships_project_fkey foreign key (project_id)
    references ops.projects (id) on delete cascade
);
create index project_memberships_project_idx on ops.project_memberships (project_id);
comment on table ops.project_memberships is 'Which Supabase user may do what in which project.';
comment on column ops.project_memberships.user_id is 'The `sub` of the JWT.';

create table ops.concurrency_keys (
  project_id uuid not null,
  concurrency_key text collate "C" not null,
  max_running int not null default 1,
  running int not null default 0,
  constraint concurrency_keys_pkey primary key (project_id, concurrency_key),
  constraint concurrency_keys_project_fkey foreign key (project_id)
    references ops.projects (id) on delete cascade,
  constraint concurrency_keys_max_running_positive check (max_running > 0)
) with (fillfactor = 50);
comment on table ops.concurrency_keys is
  'Limit slots. Whoever changes what a slot counts locks its row first (sql/README.md).';
comment on column ops.concurrency_keys.concurrency_key is
  'The key of the runs that share the slot; the empty key is the project''s own max_running.';
comment on column ops.concurrency_keys.running is
  'Claimed and running runs when the slot was last looked at; the count itself is taken anew.';

create sequence ops.claim_turns;
comment on sequence ops.claim_turns is
  'The turn of the last claim. Each project keeps its own last turn in ops.turn_<project>.';
