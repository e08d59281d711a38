//! The four scripts that guard specification, diagrams, Prisma schema and documents: each passes on the repository
//! and fails on a copy in which its subject is broken.

mod copy;
mod docs;
mod prisma;
mod schema;
mod spec_kit;
mod workflows;
