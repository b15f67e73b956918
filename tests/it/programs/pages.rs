//! The pages of the course: their programs are the examples, their outputs are real, their list of messages is complete.
//!
//! `RAPPEL_BLESS=1 cargo it pages` writes the programs and the outputs into the pages anew.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::take_home::{PROGRAMS, at_home, source_of};
use super::{Observer, at, expect_subscriptions};
use crate::common::machine::host_name;
use crate::support::mosquitto::Mosquitto;
use crate::support::process::Example;
use crate::support::wait::{DEADLINE, wait_until};

/// What the examples say when all goes well, or that is not for the user's eyes: not in the list of what goes wrong.
const NOT_A_FAILURE: &[&str] = &[
    "il s'arrêtera avec le dernier programme",
    ", déjà en marche",
    "mosquitto démarré sur",
    "un mot de passe que personne n'a",
    "(construction de l'affichage",
    "pas de Raspberry Pi reconnu",
    "bouton simulé",
    "capteur de lumière simulé",
    "failed printing to stdout",
    "listener ",
    "affiche cette aide",
    "Utilisation : cargo run",
    "Pour de l'aide",
    "Envoi confirmé message",
    "Voici un message",
    "each example uses only a part of it",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages of the course, and the examples' own.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        fs::read_dir(root().join("docs/cours")).expect("the pages").flatten().map(|entry| entry.path()).collect();
    pages.sort();
    assert!(pages.len() >= 9, "{pages:?}");
    pages.push(root().join("examples/README.md"));
    pages
}

/// Compares each block of code that follows a line `<!-- MARK… -->` with what `fresh` makes of the rest of that line, and
/// the old contents; or writes it anew.
#[track_caller]
fn check_blocks(page: &Path, mark: &str, same: fn(&str) -> String, mut fresh: impl FnMut(&str) -> String) -> usize {
    let text = read(page);
    let mut parts = text.split(mark);
    let mut renewed = parts.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for part in parts {
        let (name, rest) = part.split_once(" -->\n```").expect("a block of code after the mark");
        let (language, rest) = rest.split_once('\n').expect("a block");
        let (old, rest) = match rest.strip_prefix("```\n") {
            Some(rest) => ("", rest),
            None => rest.split_once("\n```\n").expect("the end of the block"),
        };
        let new = fresh(name);
        renewed.push_str(&format!("{mark}{name} -->\n```{language}\n{}\n```\n{rest}", new.trim_end()));
        if env::var_os("RAPPEL_BLESS").is_none() {
            let message = "is not what it was copied from: RAPPEL_BLESS=1 cargo it pages";
            assert_eq!(same(old.trim_end()), same(new.trim_end()), "{}: {name} {message}", page.display());
        }
        count += 1;
    }
    if env::var_os("RAPPEL_BLESS").is_some() {
        fs::write(page, renewed).expect("the page can be written");
    }
    count
}

#[test]
fn the_programs_of_the_pages_are_the_examples() {
    let mut shown = 0;
    for page in pages() {
        shown += check_blocks(&page, "<!-- examples/", str::to_owned, |name| {
            let source = at_home(&source_of(name.trim_end_matches(".rs")));
            // The page says what stands above the program.
            let code: Vec<&str> =
                source.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).collect();
            code.join("\n")
        });
    }
    assert_eq!(shown, PROGRAMS.len(), "each program stands on one page");
}

#[test]
fn every_page_is_mounted_and_its_links_lead_somewhere() {
    let mounted = read(&root().join("src/documentation.rs"));
    for page in pages() {
        let name = page.strip_prefix(root()).expect("a page of the repository").display().to_string();
        assert!(mounted.contains(&format!("\"{name}\"")), "{name} is not mounted in src/documentation.rs");
        let text = read(&page);
        for line in text.lines() {
            if let Some((label, target)) = line.strip_prefix('[').and_then(|line| line.split_once("]: ")) {
                assert!(page.with_file_name(target).exists(), "{name}: [{label}] leads nowhere");
                assert!(text.contains(&format!("[{label}]")), "{name}: nothing links to [{label}]");
                let module = label.trim_end_matches(".md");
                let link = format!("[{label}]: crate::documentation::cours::{module}\n");
                assert!(mounted.contains(&link), "src/documentation.rs does not know {link}");
            }
        }
        for label in text.split("[").skip(1).filter_map(|part| part.split_once(']')).map(|(label, _)| label) {
            let is_page = label.ends_with(".md") && !label.contains('/');
            assert!(!is_page || text.contains(&format!("\n[{label}]: ")), "{name}: [{label}] is not defined");
        }
    }
}

#[test]
fn the_list_of_messages_has_every_error_of_the_crate() {
    let page = read(&root().join("docs/cours/depannage.md"));
    let source = read(&root().join("src/types/error.rs"));
    let (_, variants) = source.split_once("pub enum Error {").expect("the enum");
    let (variants, _) = variants.split_once("#[cfg(test)]").unwrap_or((variants, ""));
    let names: BTreeSet<&str> = variants
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_suffix(" {").or(line.strip_suffix(',')).or(line.strip_suffix(" =>")))
        .filter(|name| name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric))
        .collect();
    assert!(names.len() > 25, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("\n| `{name}` : « "))).collect();
    assert!(missing.is_empty(), "docs/cours/depannage.md has no line for these: {missing:?}");
}

#[test]
fn the_list_of_messages_has_every_failure_of_the_examples() {
    let page = read(&root().join("docs/cours/depannage.md"));
    let mut missing = Vec::new();
    for file in sources() {
        for text in texts(&read(&file)) {
            // Its first words, up to what is put in or to the remedy.
            let pieces = text.split(['{', '}']).step_by(2).flat_map(|piece| piece.split(" : "));
            let words = pieces.map(|piece| piece.trim_matches(|c: char| " :;.,«»()".contains(c)));
            let start: String = words.filter(|piece| piece.split(' ').count() >= 3).take(1).collect();
            let start: String = start.chars().take(28).collect();
            let said = NOT_A_FAILURE.iter().any(|known| text.contains(known));
            if !said && !page.contains(start.trim()) {
                missing.push(format!("{}: {text}", file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "docs/cours/depannage.md has no line for these:\n{}", missing.join("\n"));
}

/// The harness and the exercises.
fn sources() -> Vec<PathBuf> {
    let folders = ["examples", "examples/common", "examples/common/pi"].map(|folder| root().join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("the examples").flatten());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.retain(|file| {
        let other = ["demo.rs", "bench.rs"].iter().any(|name| file.ends_with(name));
        file.extension().is_some_and(|extension| extension == "rs") && !other
    });
    files
}

/// The string literals of a program, but for the tables of `--help`, attributes and comments.
fn texts(source: &str) -> Vec<String> {
    let table = |line: &&str| line.contains("program(\"") || line.contains(": Opt = ") || line.contains("#[allow");
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//") && !table(line)).collect();
    // A line that ends with a backslash goes on without the indent of the next one.
    let mut code = code.join("\n").replace("\\\"", "'");
    while let Some((before, after)) = code.split_once("\\\n") {
        code = format!("{before}{}", after.trim_start());
    }
    let mut texts = Vec::new();
    for line in code.split("r#\"").enumerate().map(|(n, part)| if n == 0 { part } else { after_raw(part) }) {
        let parts = line.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
        texts.extend(parts.map(str::to_owned));
    }
    texts
}

/// What follows a raw string: scripts are not sentences.
fn after_raw(part: &str) -> &str {
    part.split_once("\"#").map_or("", |(_, after)| after)
}

#[test]
fn the_readme_shows_what_the_programs_print() {
    let broker = Mosquitto::builder().user("alice", "abc-123").user("info", "Password1234").start();
    let page = root().join("examples/README.md");
    let shown = check_blocks(&page, "<!-- sortie : ", normal, |command| {
        let (name, options) = command.split_once(" -- ").unwrap_or((command, ""));
        let program = (name != "demo").then(|| at(&broker));
        let options: Vec<&str> = options.split_whitespace().collect();
        let port = broker.port().to_string();
        let spawn = |name: &str, options: &[&str]| {
            let broker = match &program {
                _ if name == "ouvrier" => vec![broker.host(), &port],
                Some(address) => vec!["--broker", address],
                None => vec![],
            };
            Example::spawn(name, &[options, &broker].concat())
        };
        format!("$ cargo run --example {command}\n{}", output(name, spawn(name, &options), &broker, &spawn))
    });
    assert_eq!(shown, 13);
}

/// What the program prints, when what its part of the page tells happens to it.
#[track_caller]
fn output(name: &str, mut program: Example, broker: &Mosquitto, spawn: &dyn Fn(&str, &[&str]) -> Example) -> String {
    let runs_on = ["recevoir", "ex1", "ex2", "ex3", "ex4_pub", "ex4_sub", "ex5"].contains(&name);
    if runs_on {
        // Its last notice: each stream is read by a thread of its own, and what it prints may be read first.
        program.expect_error_line("(broker : ");
    }
    match name {
        "recevoir" => {
            expect_subscriptions(broker, 1);
            spawn("publier", &[]).wait();
            program.expect_line("Reçu: ");
        }
        "ex1" => {
            program.expect_line("Reçu: ");
            let other = spawn("ex1", &[]);
            program.expect_line(&other.pid().to_string());
        }
        "ex2" => {
            program.expect_line("Connecté");
            program.write(b"\n\n");
        }
        "ex3" => {
            program.expect_line("est arrivé");
            program.write_line("bonjour");
            program.expect_line("bonjour");
        }
        "ex4_pub" => drop(program.expect_line("Connecté")),
        "ex4_sub" => {
            let _ex4_pub = spawn("ex4_pub", &["--simulate", "--nom", "denis", "--periode", "1"]);
            program.expect_line("---");
            program.expect_line("---");
        }
        "ouvrier" => {
            wait_until("its subscription", DEADLINE, || broker.log().contains("Sending SUBACK to ouvrier-anne"));
            let observer = Observer::with_port(broker.port());
            for task in ["1", "2", "3"] {
                observer.publish("taches", task);
                program.expect_line("Fait: ");
            }
        }
        "ex5" => {
            program.write(b"\n\n");
            program.expect_line("Message envoyé");
            program.expect_line("Message envoyé");
        }
        _ => {
            let (_, stdout, stderr) = program.wait_within(6 * DEADLINE);
            return arranged(&stdout, &stderr, &at(broker));
        }
    }
    let of = |mark: &str| {
        let lines = program.output();
        let lines = lines.lines().filter_map(|line| line.strip_prefix(&format!("{name}{mark} ")).map(str::to_owned));
        lines.collect::<Vec<_>>().join("\n")
    };
    arranged(&of(">"), &of("!"), &at(broker))
}

/// Notices first, then what it prints, then its error; the broker is the one of whoever reads this.
fn arranged(stdout: &str, stderr: &str, broker: &str) -> String {
    let (notices, errors): (Vec<&str>, Vec<&str>) = stderr.lines().partition(|line| line.starts_with('('));
    // Whether a value comes before the first display is a matter of luck.
    let notices = notices.into_iter().filter(|line| !line.starts_with("(aucune valeur récente"));
    let lines = notices.chain(stdout.lines()).chain(errors).map(|line| match line {
        line if line.starts_with("(broker : ") => "(broker : 127.0.0.1:1883, déjà en marche)".to_owned(),
        line => line.replace('\t', "        ").replace(&host_name(), "fruit").replace(broker, "127.0.0.1:1883"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text without what is another one at each run: numbers, the brightest Pi, and the words of an error.
fn normal(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        line if line.starts_with("Max: ") => "Max: un Pi (#)".to_owned(),
        line if line.starts_with("Error: ") => "Error: …".to_owned(),
        line => line.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("#"),
    });
    lines.collect::<Vec<_>>().join("\n")
}
