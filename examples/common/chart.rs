//! `ex4_sub --graphique`: the chart is a crate of its own, so that nobody compiles a terminal library without asking.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{self, Child, Command};
use std::time::Duration;

use super::broker::shown;
use super::options::Options;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/graphique/Cargo.toml");

/// Shows the chart, when it is asked for, and ends. Into a file or a pipe the program goes on with its plain text, and so
/// it does where the chart cannot be built.
pub fn instead(options: &Options, (host, port): (&str, u16)) {
    if options.value("graphique").is_none() || !io::stdout().is_terminal() {
        return;
    }
    // A package has no other packages in it.
    if !Path::new(MANIFEST).exists() {
        eprintln!("(il manque {MANIFEST} : --graphique demande tout le dépôt de rappel ; voici le texte)");
        return;
    }
    let period = options.period.unwrap_or(Duration::from_secs(10)).as_secs_f64().to_string();
    // The same place as this program's, target/PROFILE/examples: what both need is compiled once.
    let target = std::env::current_exe().ok().and_then(|path| Some(path.ancestors().nth(3)?.to_owned()));
    if target.as_ref().is_none_or(|target| !target.join("debug/graphique").exists()) {
        eprintln!("(construction de l'affichage, une minute la première fois)");
    }
    let chart = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--manifest-path", MANIFEST])
        .args(target.into_iter().flat_map(|target| ["--target-dir".into(), target.into_os_string()]))
        .args(["--", "--periode", &period, "--broker", &shown(host, port)])
        .spawn();
    match chart.and_then(wait_for) {
        Ok(code) => {
            // Cargo's own code, when there is nothing to run.
            if code == Some(101) {
                eprintln!("(l'affichage n'a pas pu être construit ; la première fois, il faut un accès à Internet)");
            }
            process::exit(code.unwrap_or(1))
        }
        Err(error) => eprintln!("(l'affichage ne peut pas être construit, cargo ne démarre pas : {error})"),
    }
}

/// Waits for the end of the chart. A signal that would end this program ends the chart first: it gives the screen back.
fn wait_for(mut chart: Child) -> io::Result<Option<i32>> {
    #[cfg(unix)]
    {
        let pid = rustix::process::Pid::from_child(&chart);
        let mut signals =
            signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])?;
        std::thread::spawn(move || {
            for _ in signals.forever() {
                // It may have ended already.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        });
    }
    Ok(chart.wait()?.code())
}
