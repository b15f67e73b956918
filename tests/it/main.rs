//! Integration tests, in one binary.

mod acknowledging;
mod aliases;
mod availability;
mod awaiting;
mod binding;
mod brokers;
mod callbacks;
mod clusters;
#[path = "../../examples/common/mod.rs"]
mod common;
mod confirmations;
mod connecting;
mod deadlines;
mod delivery;
mod descriptors;
#[cfg(all(feature = "paho", feature = "persistence"))]
mod doc_pages;
mod durations;
mod ending;
mod errors;
mod expiring;
mod flooding;
mod foreign_code;
mod ghosts;
mod hardware;
mod hostile;
mod ids;
mod keepalive;
mod language;
mod limits;
mod logging;
mod looping;
mod manifest;
mod manual_ack;
mod observing;
mod odd_brokers;
mod old_brokers;
mod one_shot;
#[cfg(feature = "persistence")]
mod persistence;
mod poison;
mod pooling;
mod programs;
mod publishing;
mod python_tables;
mod recorder;
mod resources;
mod resuming;
mod retrying;
mod returning;
mod room;
mod scarce;
mod sessions;
mod settings;
mod several_brokers;
mod starving;
#[cfg(feature = "persistence")]
mod storing;
mod subscribing;
mod suites;
mod support;
mod texts;
mod tidy;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_files;
mod transports;
mod v5;
