//! What happens before an example's first statement: its command line, its log, its language, and its panics.

use std::io::Write;
use std::panic;
use std::process;
use std::sync::OnceLock;

use env_logger::Env;
use log::Level;

use super::options::Options;

/// The command line, read at the first call; that is also when everything else is set up.
///
/// A wrong command line ends the program here, with exit code 2.
pub fn options() -> &'static Options {
    static OPTIONS: OnceLock<Options> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        rappel::set_language(rappel::Language::French);
        panics();
        log();
        Options::of_this_program()
    })
}

/// A panic in French. One because nobody reads any more (`| head -1`) is an end like any other.
fn panics() {
    panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("sans explication");
        if text.starts_with("failed printing to stdout") {
            process::exit(0);
        }
        let place = panic.location().map(|place| format!(" ({}, ligne {})", place.file(), place.line()));
        // Without stderr there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "Panique du programme{} : {text}", place.unwrap_or_default());
    }));
}

/// The warnings and errors of the library on stderr; the variable RUST_LOG chooses others, for example `debug`.
fn log() {
    env_logger::Builder::from_env(Env::default().default_filter_or("rappel=warn"))
        .format(|stderr, record| {
            let text = record.args();
            match record.level() {
                Level::Error => writeln!(stderr, "Erreur (rappel) : {text}"),
                Level::Warn => writeln!(stderr, "Avertissement (rappel) : {text}"),
                level => writeln!(stderr, "{level} {} : {text}", record.target()),
            }
        })
        .init();
}
