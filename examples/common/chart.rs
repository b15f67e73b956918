//! `ex4_sub --graphique`: the chart is a crate of its own, so that nobody compiles a terminal library without asking.

use std::io::{self, IsTerminal};
use std::process::{self, Command};
use std::time::Duration;

use super::options::Options;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/graphique/Cargo.toml");

/// Shows the chart, when it is asked for, and ends. Into a file or a pipe the program goes on with its plain text.
pub fn instead(options: &Options, (host, port): (&str, u16)) {
    if options.value("graphique").is_none() || !io::stdout().is_terminal() {
        return;
    }
    let period = options.period.unwrap_or(Duration::from_secs(10)).as_secs_f64().to_string();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    // The same place as this program's, target/PROFILE/examples: what both need is compiled once.
    let target = std::env::current_exe().ok().and_then(|path| Some(path.ancestors().nth(3)?.to_owned()));
    if target.as_ref().is_none_or(|target| !target.join("debug/graphique").exists()) {
        eprintln!("(construction de l'affichage, une minute la première fois)");
    }
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--manifest-path", MANIFEST])
        .args(target.into_iter().flat_map(|target| ["--target-dir".into(), target.into_os_string()]))
        .args(["--", "--periode", &period, "--broker", &format!("{host}:{port}")])
        .status();
    match status {
        Ok(status) => {
            // Cargo's own code, when there is nothing to run.
            if status.code() == Some(101) {
                eprintln!("(l'affichage n'a pas pu être construit ; la première fois, il faut un accès à Internet)");
            }
            process::exit(status.code().unwrap_or(1))
        }
        Err(error) => eprintln!("(l'affichage ne peut pas être construit, cargo ne démarre pas : {error})"),
    }
}
