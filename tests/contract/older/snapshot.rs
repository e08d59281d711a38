//! What older tables hold and hang on, to be compared before and after.

use std::collections::BTreeMap;

use odooops::contract::migrate::Plan;
use tokio_postgres::Client;

/// Where older tables are now: older name → present name.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<String, String>);

impl Places {
    /// As the plan says.
    pub(super) fn of_plan(plan: &Plan) -> Self {
        let tables = plan.objects.iter().filter(|object| object.kind == "table");
        Self(
            tables
                .map(|table| {
                    (table.older.clone(), table.now.clone().expect("a table of people is never dropped"))
                })
                .collect(),
        )
    }

    /// As `ops.older_objects` says.
    pub(super) async fn of_database(client: &Client) -> Self {
        let rows = client
            .query("select older_identity, identity from ops.older_objects where kind = 'table'", &[])
            .await
            .expect("read ops.older_objects");
        Self(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Where this older table is now; outside `ops` nothing ever moves.
    pub(super) fn now<'a>(&'a self, older: &'a str) -> &'a str {
        self.0.get(older).map_or(older, String::as_str)
    }

    fn older<'a>(&'a self, now: &'a str) -> &'a str {
        self.0.iter().find(|(_, place)| *place == now).map_or(now, |(older, _)| older)
    }
}

impl PartialEq for Places {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// One table as people had it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<String>,
    /// Every row as JSON with these columns, sorted.
    rows: Vec<String>,
    /// Sequences behind columns, as `column last_value is_called`.
    sequences: Vec<String>,
    /// Keys, indexes, triggers and policies by what they do, since their names may follow the table's.
    attached: Vec<String>,
    /// `role privilege` that somebody other than the owner can use.
    usable: Vec<String>,
}

/// All tables of people, by older name.
pub(super) type Snapshot = BTreeMap<String, Table>;

/// Every ordinary table of these schemas.
const TABLES: &str = "
  select c.oid::regclass::text,
    (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
  from pg_class c
  where c.relkind in ('r', 'p')
    and c.relnamespace::regnamespace::text in ('ops', 'audit', 'auth', 'mirror', 'registry')";
const SEQUENCES: &str = "
  select a.attname::text, pg_get_serial_sequence($1, a.attname)
  from pg_attribute a
  where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
    and pg_get_serial_sequence($1, a.attname) is not null";
/// The referenced table stands last, so that its place can be mapped back.
const FOREIGN_KEYS: &str = "
  select format('foreign key %s to %s on delete %s',
      (select array_agg(a.attname order by k.n) from unnest(c.conkey) with ordinality k (att, n)
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.att),
      (select array_agg(a.attname order by k.n) from unnest(c.confkey) with ordinality k (att, n)
       join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.att), c.confdeltype),
    c.confrelid::regclass::text
  from pg_constraint c where c.contype = 'f' and c.conrelid = $1::text::regclass";
const ATTACHED: &str = "
  select format('index %s unique %s primary %s partial %s',
    (select array_agg(pg_get_indexdef(i.indexrelid, k, true) order by k)
     from generate_series(1, i.indnatts) k), i.indisunique, i.indisprimary, i.indpred is not null)
  from pg_index i where i.indrelid = $1::text::regclass
  union all
  select format('trigger type %s enabled %s', t.tgtype, t.tgenabled)
  from pg_trigger t where t.tgrelid = $1::text::regclass and not t.tgisinternal
  union all
  select format('policy %s for %s', p.polcmd, p.polroles::regrole[])
  from pg_policy p where p.polrelid = $1::text::regclass";
const USABLE: &str = "
  select format('%s %s', r, p)
  from unnest(array['authenticated', 'service_role']) r,
    unnest(array['select', 'insert', 'update', 'delete']) p
  where has_table_privilege(r, $1::text::regclass, p)
    and has_schema_privilege(r, (select relnamespace from pg_class where oid = $1::text::regclass), 'usage')";

/// Looks at every table before anything is done.
pub(super) async fn before(client: &Client) -> Snapshot {
    fix_output(client).await;
    let nowhere_else = Places::default();
    let mut snapshot = Snapshot::new();
    for row in client.query(TABLES, &[]).await.expect("list tables") {
        let (name, columns): (String, Vec<String>) = (row.get(0), row.get(1));
        snapshot.insert(name.clone(), table(client, &name, columns, &nowhere_else).await);
    }
    snapshot
}

/// Looks at the same tables and columns where they are now.
pub(super) async fn after(client: &Client, before: &Snapshot, places: &Places) -> Snapshot {
    fix_output(client).await;
    let mut snapshot = Snapshot::new();
    for (older, was) in before {
        let now = table(client, places.now(older), was.columns.clone(), places).await;
        snapshot.insert(older.clone(), now);
    }
    snapshot
}

/// Names are written out in full, values as exactly as they are.
async fn fix_output(client: &Client) {
    let settings = "set search_path = ''; set timezone = 'UTC'; set extra_float_digits = 3";
    client.batch_execute(settings).await.expect("settings");
}

async fn table(client: &Client, name: &str, columns: Vec<String>, places: &Places) -> Table {
    let texts = async |sql: &str| -> Vec<String> {
        let rows = client.query(sql, &[&name]).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    };
    let list = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let all = format!("select to_jsonb(r)::text from (select {list} from {name}) r order by 1");
    let rows = client.query(&all, &[]).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let mut sequences = Vec::new();
    for row in client.query(SEQUENCES, &[&name]).await.expect("list sequences") {
        let (column, sequence): (String, String) = (row.get(0), row.get(1));
        if columns.contains(&column) {
            let state = format!("select last_value, is_called from {sequence}");
            let state = client.query_one(&state, &[]).await.expect("read a sequence");
            sequences.push(format!("{column} {} {}", state.get::<_, i64>(0), state.get::<_, bool>(1)));
        }
    }
    let mut attached = texts(ATTACHED).await;
    for row in client.query(FOREIGN_KEYS, &[&name]).await.expect("list foreign keys") {
        let referenced: String = row.get(1);
        attached.push(format!("{} of {}", row.get::<_, String>(0), places.older(&referenced)));
    }
    Table {
        columns,
        rows: rows.iter().map(|row| row.get(0)).collect(),
        sequences,
        attached,
        usable: texts(USABLE).await,
    }
}

/// Fails unless every row, sequence, key, index, trigger, policy and right of `before` is there `after`.
pub(super) fn assert_nothing_lost(before: &Snapshot, after: &Snapshot) {
    let mut lost = Vec::new();
    for (name, was) in before {
        let is = &after[name];
        if was.rows != is.rows {
            lost.push(rows_differ(name, &was.rows, &is.rows));
        }
        if was.sequences != is.sequences {
            lost.push(format!("{name}: sequences were {:?}, are {:?}", was.sequences, is.sequences));
        }
        lost.extend(missing(&was.attached, &is.attached).map(|what| format!("{name}: {what}")));
        lost.extend(missing(&was.usable, &is.usable).map(|what| format!("{name}: right of {what}")));
    }
    assert!(lost.is_empty(), "lost or changed:\n{}", lost.join("\n"));
}

/// What of `was` is not in `is`, as often as it is missing.
fn missing<'a>(was: &'a [String], is: &[String]) -> impl Iterator<Item = &'a String> {
    let mut left = is.to_vec();
    was.iter().filter(move |what| match left.iter().position(|other| other == *what) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    })
}

fn rows_differ(name: &str, was: &[String], is: &[String]) -> String {
    let shorten = |row: &String| row.chars().take(300).collect::<String>();
    let gone: Vec<String> = missing(was, is).take(3).map(shorten).collect();
    let new: Vec<String> = missing(is, was).take(3).map(shorten).collect();
    format!("{name}: {} rows were, {} are; gone: {gone:?}; new: {new:?}", was.len(), is.len())
}

#[test]
fn a_lost_or_changed_row_is_noticed() {
    let rows = |list: &[&str]| list.iter().map(|row| (*row).to_owned()).collect::<Vec<String>>();
    let table = |list: &[&str]| Table {
        columns: Vec::new(),
        rows: rows(list),
        sequences: Vec::new(),
        attached: Vec::new(),
        usable: Vec::new(),
    };
    let snapshot = |list: &[&str]| Snapshot::from([("ops.runs".to_owned(), table(list))]);
    assert_nothing_lost(&snapshot(&["a", "a", "b"]), &snapshot(&["a", "a", "b"]));
    for changed in [&["a", "b"][..], &["a", "b", "b"], &["a", "a", "b", "b"], &["a", "a", "c"]] {
        let noticed = std::panic::catch_unwind(|| {
            assert_nothing_lost(&snapshot(&["a", "a", "b"]), &snapshot(changed));
        });
        assert!(noticed.is_err(), "{changed:?}");
    }
}
