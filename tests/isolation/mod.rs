//! Who may see and do what: a walk over the catalog, forgeries, members, and sessions that meet.

mod dependents;
mod forgery;
mod grants;
mod lock_order;
mod members;
mod walk;
