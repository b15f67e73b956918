//! The repository's pages, so that they can be read here and their code is compiled.

/// The README.
#[doc = include_str!("../README.md")]
pub mod readme {}

/// How the crate is built, and why.
#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

/// What is promised, and the test that holds each promise.
#[doc = include_str!("../docs/reliability.md")]
pub mod reliability {}

/// The same programs in Python and in Rust, and the mistakes beginners make.
#[doc = include_str!("../docs/from-python.md")]
pub mod from_python {}

/// Every public name of paho-python, and what became of it.
#[doc = include_str!("../docs/parity.md")]
pub mod parity {}

/// The course's programs (in French).
#[doc = include_str!("../examples/README.md")]
pub mod exemples {}

/// Buttons and light sensors on a Raspberry Pi (in French). The pictures stand first: rustdoc does not copy files.
///
/// <style>img[src$=".svg"] { display: none } svg { max-width: 100%; height: auto }</style>
///
#[doc = include_str!("../docs/cablage-bouton.svg")]
///
#[doc = include_str!("../docs/cablage-lumiere.svg")]
///
#[doc = include_str!("../docs/materiel.md")]
pub mod materiel {}

/// A broker with a password (in French).
#[doc = include_str!("../docs/broker.md")]
pub mod broker {}
