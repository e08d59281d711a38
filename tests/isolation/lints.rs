//! The checks of Supabase's database linter (splinter) that apply to a schema exposed by PostgREST, in SQL of our
//! own. Each must be silent on our schema, except where a reason stands here, and must fire on a planted fault.

use crate::contract::scene::{Scene, values};

/// A check.
struct Lint {
    /// As splinter calls it.
    name: &'static str,
    /// One text column per finding.
    sql: &'static str,
    /// A fault that it must find.
    plant: &'static str,
    /// Findings that are meant.
    meant: &'static [&'static str],
}

const LINTS: &[Lint] = &[
    Lint {
        name: "security_definer_view",
        sql: "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
              and c.relkind = 'v' and not exists (select from unnest(c.reloptions) o \
                where lower(o) in ('security_invoker=true', 'security_invoker=on', 'security_invoker=1'))",
        plant: "create view ops.planted as select * from ops.runs",
        meant: &[],
    },
    Lint {
        name: "function_search_path_mutable",
        sql: "select p.proname::text from pg_proc p where p.pronamespace = 'ops'::regnamespace \
              and not exists (select from unnest(p.proconfig) s where s like 'search_path=%')",
        plant: "create function ops.planted() returns int language sql as 'select 1'",
        meant: &[],
    },
    Lint {
        name: "rls_disabled_in_public",
        sql: "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
              and c.relkind in ('r', 'p') and not c.relrowsecurity and exists ( \
                select from unnest(array['anon', 'authenticated', 'service_role', 'ops_reader', 'ops_worker', \
                  'ops_operator']) r where has_any_column_privilege(r, c.oid, 'select, insert, update'))",
        plant: "alter table ops.runs disable row level security",
        meant: &[],
    },
    Lint {
        name: "policy_exists_rls_disabled",
        sql: "select distinct c.relname::text from pg_policy p join pg_class c on c.oid = p.polrelid \
              where c.relnamespace = 'ops'::regnamespace and not c.relrowsecurity",
        plant: "alter table ops.run_steps disable row level security",
        meant: &[],
    },
    Lint {
        name: "rls_enabled_no_policy",
        sql: "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
              and c.relrowsecurity and not c.relispartition \
              and not exists (select from pg_policy p where p.polrelid = c.oid)",
        plant: "create table ops.planted (id int primary key); \
                alter table ops.planted enable row level security",
        meant: &[],
    },
    Lint {
        name: "rls_policy_always_true",
        sql: "select format('%s on %s for %s', p.policyname, p.tablename, r) from pg_policies p \
              cross join lateral unnest(p.roles) r where p.schemaname = 'ops' and p.permissive = 'PERMISSIVE' \
              and r in ('public', 'anon', 'authenticated') \
              and (coalesce(p.qual, 'true') in ('true', '(1 = 1)') \
                and coalesce(p.with_check, 'true') in ('true', '(1 = 1)')) order by 1",
        plant: "create policy planted on ops.runs for insert to authenticated with check (true)",
        // Names of images and advice on upgrades belong to no project and tell nothing of one.
        meant: &[
            "everybody_reads on tools for authenticated",
            "everybody_reads on upgrade_advisories for authenticated",
        ],
    },
    Lint {
        name: "auth_rls_initplan",
        sql: "select p.policyname || ' on ' || p.tablename from pg_policies p where p.schemaname = 'ops' \
              and regexp_replace(lower(coalesce(p.qual, '') || ' ' || coalesce(p.with_check, '')), \
                '\\( *select +[a-z_.]+\\(', '', 'g') ~ '(current_setting|auth\\.[a-z_]+|ops\\.[a-z_]+) *\\('",
        plant: "create policy planted on ops.runs for select to authenticated \
                using (project_id = any (ops.my_project_ids('viewer')))",
        meant: &[],
    },
    Lint {
        name: "multiple_permissive_policies",
        sql: "select format('%s for %s: %s', p.tablename, r, string_agg(p.policyname, ', ')) \
              from pg_policies p cross join lateral unnest(p.roles) r \
              cross join lateral unnest(case p.cmd when 'ALL' \
                then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[p.cmd] end) c \
              where p.schemaname = 'ops' and p.permissive = 'PERMISSIVE' \
              group by p.tablename, r, c having count(*) > 1",
        plant: "create policy planted on ops.runs for select to authenticated using (false)",
        meant: &[],
    },
    Lint {
        name: "rls_references_user_metadata",
        sql: "select p.policyname || ' on ' || p.tablename from pg_policies p where p.schemaname = 'ops' \
              and coalesce(p.qual, '') || coalesce(p.with_check, '') ~ 'user_?meta_?data'",
        plant: "create policy planted on ops.tools for select to authenticated using ( \
                (current_setting('request.jwt.claims')::jsonb -> 'user_metadata' ->> 'role') = 'admin')",
        meant: &[],
    },
    Lint {
        name: "anon_security_definer_function_executable",
        sql: "select p.proname::text from pg_proc p where p.pronamespace = 'ops'::regnamespace \
              and p.prosecdef and has_function_privilege('anon', p.oid, 'execute')",
        plant: "grant execute on function ops.enqueue_run to anon",
        meant: &[],
    },
    Lint {
        name: "auth_users_exposed",
        sql: "select distinct v.relname::text from pg_rewrite w join pg_class v on v.oid = w.ev_class \
              join pg_depend d on d.objid = w.oid and d.classid = 'pg_rewrite'::regclass \
              join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass \
              join pg_namespace n on n.oid = t.relnamespace and n.nspname = 'auth' \
              where v.relnamespace = 'ops'::regnamespace",
        plant: "create schema auth; create table auth.users (id uuid); \
                create view ops.planted with (security_invoker = true) as select id from auth.users",
        meant: &[],
    },
    Lint {
        name: "sensitive_columns_exposed",
        sql: "select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid \
              where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p', 'v') and a.attnum > 0 \
              and a.attname ~ '(^|_)(passw|pwd|secret|token|jwt|api_?key|private_key|otp|session)' \
              and (has_column_privilege('authenticated', a.attrelid, a.attnum, 'select') \
                or has_column_privilege('anon', a.attrelid, a.attnum, 'select'))",
        plant: "grant select (token) on ops.run_attempts to authenticated",
        meant: &[],
    },
    Lint {
        name: "extension_in_public",
        sql: "select e.extname::text from pg_extension e where e.extnamespace = 'ops'::regnamespace",
        plant: "drop extension if exists plpgsql_check; create extension intarray schema ops",
        meant: &[],
    },
    Lint {
        name: "materialized_view_in_api",
        sql: "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
              and c.relkind = 'm'",
        plant: "create materialized view ops.planted as select 1 as one",
        meant: &[],
    },
    Lint {
        name: "foreign_table_in_api",
        sql: "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
              and c.relkind = 'f'",
        plant: "create foreign data wrapper planted; create server planted foreign data wrapper planted; \
                create foreign table ops.planted (id int) server planted",
        meant: &[],
    },
    Lint {
        name: "unsupported_reg_types",
        sql: "select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid \
              where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 \
              and a.atttypid in ('regcollation'::regtype, 'regconfig'::regtype, 'regdictionary'::regtype, \
                'regnamespace'::regtype, 'regoper'::regtype, 'regoperator'::regtype, 'regproc'::regtype, \
                'regprocedure'::regtype)",
        plant: "create table ops.planted (id int primary key, call regprocedure)",
        meant: &[],
    },
    Lint {
        name: "duplicate_index",
        sql: "select i.indrelid::regclass || ': ' || count(*) from pg_index i \
              join pg_class c on c.oid = i.indrelid where c.relnamespace = 'ops'::regnamespace \
              group by i.indrelid, i.indkey, i.indclass, i.indcollation, i.indoption, i.indisunique, \
                coalesce(pg_get_expr(i.indpred, i.indrelid), ''), \
                coalesce(pg_get_expr(i.indexprs, i.indrelid), '') having count(*) > 1",
        plant: "create index planted_one on ops.runs (updated_at); create index planted_two on ops.runs (updated_at)",
        meant: &[],
    },
    Lint {
        name: "unindexed_foreign_keys",
        sql: "select k.conname::text from pg_constraint k join pg_class c on c.oid = k.conrelid \
              where c.relnamespace = 'ops'::regnamespace and k.contype = 'f' and k.conparentid = 0 \
              and not exists (select from pg_index i where i.indrelid = k.conrelid \
                and (select array_agg(n order by n) from unnest(k.conkey) n) = \
                  (select array_agg(n order by n) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) n))",
        plant: "create table ops.planted (id int primary key, run_id uuid references ops.runs (id))",
        // Nothing deletes a workflow, so nobody looks a run up by it, and every insert would pay for the index.
        meant: &["runs_workflow_fkey"],
    },
    Lint {
        name: "no_primary_key",
        sql: "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
              and c.relkind in ('r', 'p') and not c.relispartition \
              and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)",
        plant: "create table ops.planted (id int)",
        // Append-only: no row of it is ever addressed.
        meant: &["run_events"],
    },
];

#[tokio::test]
async fn our_schema_has_no_fault_that_the_linter_knows() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    for lint in LINTS {
        let found: Vec<String> = values(&superuser, lint.sql, &[]).await;
        assert_eq!(found, lint.meant, "{}", lint.name);
    }
}

#[tokio::test]
async fn every_check_finds_a_planted_fault() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    for lint in LINTS {
        superuser.batch_execute("begin").await.expect("begin");
        superuser.batch_execute(lint.plant).await.unwrap_or_else(|error| panic!("{}: {error:?}", lint.name));
        let found: Vec<String> = values(&superuser, lint.sql, &[]).await;
        assert_eq!(found.len(), lint.meant.len() + 1, "{}: {found:?}", lint.name);
        superuser.batch_execute("rollback").await.expect("rollback");
    }
}
