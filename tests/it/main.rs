//! Integration tests, in one binary.

mod callbacks;
#[path = "../../examples/common/mod.rs"]
mod common;
mod connecting;
mod delivery;
mod ending;
mod errors;
mod flooding;
mod hardware;
mod hostile;
mod language;
mod looping;
mod one_shot;
#[cfg(feature = "persistence")]
mod persistence;
mod programs;
mod publishing;
mod python_tables;
mod resources;
mod resuming;
mod returning;
mod sessions;
mod subscribing;
mod support;
mod tidy;
mod v5;
