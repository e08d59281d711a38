-- What can be run: workflows with all their versions, the tools that steps name, advice on upgrades.

create table ops.workflows (
  id uuid not null,
  project_id uuid,
  name text not null,
  kind ops.workflow_kind not null,
  version int not null default 1,
  definition jsonb not null,
  enabled boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint workflows_pkey primary key (id),
  constraint workflows_name_key unique nulls not distinct (project_id, name),
  constraint workflows_project_fkey foreign key (project_id)
    references ops.projects (id) on delete cascade,
  constraint workflows_name_format check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  constraint workflows_definition_object check (jsonb_typeof(definition) = 'object')
);
comment on table ops.workflows is 'A named definition; project_id null: built in, usable by all.';

create table ops.workflow_versions (
  workflow_id uuid not null,
  version int not null,
  definition jsonb not null,
  created_at timestamptz not null,
  constraint workflow_versions_pkey primary key (workflow_id, version),
  constraint workflow_versions_workflow_fkey foreign key (workflow_id)
    references ops.workflows (id) on delete cascade
);
comment on table ops.workflow_versions is
  'Every definition a workflow ever had: a run is executed with the version it was queued with.';

create table ops.tools (
  name text not null,
  version text,
  image text not null,
  digest text,
  config jsonb not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint tools_pkey primary key (name),
  constraint tools_name_format check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  constraint tools_config_object check (jsonb_typeof(config) = 'object')
);
comment on table ops.tools is 'Names that a step may use for an image.';

create table ops.upgrade_advisories (
  id uuid not null,
  from_version text not null,
  to_version text not null,
  severity ops.advisory_severity not null,
  title text not null,
  guide text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  constraint upgrade_advisories_pkey primary key (id),
  constraint upgrade_advisories_title_key unique (from_version, to_version, title)
);
comment on table ops.upgrade_advisories is 'What to know before an Odoo upgrade.';
