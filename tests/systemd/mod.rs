//! The Debian package and the systemd unit, on machines that are containers.

mod machine;
mod package;
mod service;
mod unit;
