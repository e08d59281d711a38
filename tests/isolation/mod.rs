//! Who may see and do what: a walk over the catalog, forgeries, members, and sessions that meet.

mod dependents;
mod document;
mod forgery;
mod grants;
mod lints;
mod lock_order;
mod members;
mod supabase;
mod walk;
pub(crate) mod who_may_what;
