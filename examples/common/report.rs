//! How a program ends: its exit code, and what it says when it fails.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use env_logger::Env;
use log::Level;

use super::cli::{self, Args, Program, Request};
use super::french;

/// What a program returns.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a program ended early, as a French sentence.
pub struct Failure {
    text: String,
    exit_code: u8,
}

impl Failure {
    /// Something went wrong while the program ran.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit_code: 1 }
    }

    /// The command line is wrong.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit_code: 2 }
    }

    /// 1, or 2 when the command line is wrong.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<rappel::Error> for Failure {
    fn from(error: rappel::Error) -> Self {
        Self::new(french::explain(&error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(format!("le système signale : {error}"))
    }
}

/// Runs `body` with the options of the command line, shows its error, and gives the exit code.
pub fn run(program: &Program, body: impl FnOnce(&Args) -> Outcome) -> ExitCode {
    show_log();
    let arguments = std::env::args_os().skip(1);
    let outcome = match cli::parse(program, arguments, std::env::var_os(cli::BROKER_VARIABLE)) {
        Ok(Request::Help) => {
            print!("{}", cli::help(program));
            return ExitCode::SUCCESS;
        }
        Ok(Request::Run(args)) => body(&args),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("Erreur : {failure}");
            if failure.exit_code() == 2 {
                eprintln!("Pour de l'aide : cargo run --example {} -- --help", program.name);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Shows the warnings and errors of the library on stderr; the variable RUST_LOG chooses others, for example `debug`.
fn show_log() {
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

/// For a callback, which has nobody to return an error to: shows it and goes on.
pub fn show<T>(result: rappel::Result<T>) {
    if let Err(error) = result {
        eprintln!("Erreur : {}", french::explain(&error));
    }
}
