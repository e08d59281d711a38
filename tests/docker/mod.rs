//! The container room against a real engine: what `worker/src/container/` promises, seen from inside
//! containers and on the engine. Needs a running Docker (or Podman) and the image that
//! `tests/fixtures/images/base.sh` makes; whoever lacks one is told so by a failing test.

mod archives;
mod engine_gone;
mod full_disk;
mod images;
mod isolation;
mod lab;
mod life;
mod output;
mod owned;
mod proxy;
mod volumes;
