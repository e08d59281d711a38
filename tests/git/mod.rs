//! Check-outs from real repositories that the tests make.

mod check_out;
mod hostile;
mod http;
pub(crate) mod repository;
