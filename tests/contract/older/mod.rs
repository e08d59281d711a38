//! Installing over older generations of schema `ops`.

mod calls;
mod combinations;
mod harness;
mod postgrest;
mod replay;
mod rights;
mod room;
mod snapshot;
