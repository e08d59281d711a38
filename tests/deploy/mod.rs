//! What `deploy/` and `worker/Dockerfile` promise, on a real engine, with images made here where the public ones
//! cannot be had (`../fixtures/images/deploy.sh`).

mod dev;
mod image;
mod replicas;
mod settings;
mod stack;
