//! The `lemming` program: parse, run, exit code.

fn main() {}
