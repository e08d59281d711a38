//! odooops
fn main() {}
