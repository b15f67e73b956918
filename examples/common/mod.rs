//! What the examples share: arguments, broker, machine and error texts.

#![allow(dead_code, reason = "each example uses only a part of it")]

pub mod broker;
pub mod button;
pub mod cadence;
pub mod cli;
pub mod french;
pub mod hardware;
pub mod light;
pub mod luminosity;
pub mod machine;
pub mod report;
pub mod stop;
