//! Integration tests, in one binary.

#[path = "../../examples/common/mod.rs"]
mod common;
mod hardware;
mod support;
mod tidy;
