//! What the integration tests stand on: brokers, a proxy, programs, deadlines.
//!
//! Nothing here skips a test: what is missing (Mosquitto, an example's binary) panics with the command that brings it.
//! The support needs a Unix: signals, `sh`, and for [`resources`] Linux.
#![allow(dead_code, reason = "a toolbox: a helper stays although the last test that used it went away")]

pub mod wait;

#[cfg(feature = "tls")]
pub mod certificates;

pub mod client;
#[cfg(target_os = "linux")]
pub mod dead_address;
pub mod guarded;
pub mod installed;
pub mod logged;

pub mod mosquitto;
pub mod nats;
pub mod process;
pub mod proxy;
pub mod rabbitmq;
pub mod real_proxy;
#[cfg(target_os = "linux")]
pub mod resources;
pub mod scripted;
pub mod told;
pub mod trials;
#[cfg(feature = "websockets")]
pub mod web_socket_peer;
pub mod wire;
