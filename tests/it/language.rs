//! Errors and log lines in the language that was set.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rappel as pmc;

use crate::support::client;
use crate::support::logged::{expect_logged, is_logged, keep_log};
use crate::support::mosquitto::{Mosquitto, free_port};
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, wait_until};

#[test]
fn a_student_reads_french() {
    alone("language::in_a_process::in_french", &[]);
}

#[test]
fn the_environment_does_not_decide() {
    alone("language::in_a_process::in_english", &[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "fr_FR.UTF-8")]);
}

/// Run by the tests above, each in a process of its own: the language is one for the whole process.
mod in_a_process {
    use super::*;

    #[test]
    #[ignore = "run by a_student_reads_french"]
    fn in_french() {
        keep_log();
        pmc::set_language(pmc::Language::French);
        let client = client::quick();
        let error = client.connect(client::HOST, free_port()).expect_err("nobody listens");
        assert!(error.to_string().starts_with("impossible de se connecter à 127.0.0.1:"), "{error}");
        let error = client.connect("mqtt://localhost", 1883).expect_err("no host");
        assert!(error.to_string().contains("donnez le nom seul, connect(\"localhost\", 1883)"), "{error}");
        assert_eq!(error.to_string(), format!("{error:?}"));
        let error = client.subscribe("a/#/b", 0).expect_err("no filter");
        assert!(error.to_string().contains("\"#\" ne peut être que seul"), "{error}");
        let error = client.publish("t", "", 0).expect_err("no connection");
        assert!(error.to_string().contains("publish avec QoS 0 a besoin d'une connexion"), "{error}");
        let error = client.will_set("t", "", properties()).expect_err("MQTT 3.1.1");
        assert!(error.to_string().contains("ni propriétés ni options de MQTT 5"), "{error}");

        let broker = Mosquitto::start();
        client.on_message(|_, _, msg| {
            if msg.payload == b"panic" {
                panic!("du test");
            }
            let number: i32 = msg.payload_as()?;
            println!("{number}");
            Ok(())
        });
        client.connect(broker.host(), broker.port()).expect("accepted");
        client.subscribe("t", 1).expect("connected");
        client.loop_start().expect("no loop yet");
        for payload in ["abc", "panic"] {
            client.publish("t", payload, 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
        }
        expect_logged(log::Level::Error, &["on_message (topic \"t\") a échoué", "\"abc\"", "n'est pas un i32"]);
        expect_logged(log::Level::Error, &["on_message (topic \"t\") a paniqué : du test", "la boucle continue"]);
        assert!(!is_logged(log::Level::Error, &["the loop goes on"]));
        // A broker that is killed before it has read everything resets the connection, in the system's words.
        let acknowledged = || broker.log().matches("Received PUBACK").count() == 2;
        wait_until("both acknowledgements", DEADLINE, acknowledged);
        drop(broker);
        expect_logged(log::Level::Warn, &["la connexion est perdue : l'autre côté a fermé la connexion"]);
    }

    #[test]
    #[ignore = "run by the_environment_does_not_decide"]
    fn in_english() {
        let error = client::quick().connect("", 1883).expect_err("no host");
        assert!(error.to_string().starts_with("host \"\" is not valid"), "{error}");
        pmc::set_language(pmc::Language::French);
        assert!(error.to_string().starts_with("l'hôte \"\""), "{error}");
        pmc::set_language(pmc::Language::English);
        assert!(error.to_string().starts_with("host \"\""), "{error}");
    }

    fn properties() -> pmc::PublishOptions {
        pmc::PublishOptions::new().properties(pmc::Properties::new().with_content_type("text/plain"))
    }
}

// ---- The texts as they stand in the sources ------------------------------------------------------------------------

/// Two literals side by side are the same text in two languages, wherever they are formatted.
#[test]
fn both_languages_name_the_same_values() {
    let mut pairs = 0;
    for (path, code) in sources() {
        let literals = literals(&code);
        for pair in literals.windows(2) {
            let [(_, end, english), (start, _, french)] = pair else { unreachable!("windows of two") };
            if code[*end..*start].trim() != "," || !english.contains('{') && !french.contains('{') {
                continue;
            }
            pairs += 1;
            assert_eq!(values(english), values(french), "{}: {english:?} and {french:?}", path.display());
        }
    }
    assert!(pairs > 30, "only {pairs} pairs were found: does this test still see them?");
}

#[test]
fn words_inside_errors_are_translated() {
    let sources = sources();
    let words = read("src/types/error/words.rs");
    let all: String = sources.iter().map(|(_, code)| code.as_str()).collect();
    for (path, code) in &sources {
        for mark in ["what: \"", "stage: \"", "method: \"", "check_text(\""] {
            for (at, _) in code.match_indices(mark) {
                let word = code[at + mark.len()..].split('"').next().unwrap_or_default();
                let known = all.contains(&format!("fn {word}")) || words.contains(&format!("(\"{word}\", "));
                assert!(known, "{}: {word:?} is no method: give it a French twin in WORDS", path.display());
            }
        }
    }
}

/// What a text names between braces, without how it is shown.
fn values(text: &str) -> BTreeSet<&str> {
    let names = text.split('{').skip(1).map(|rest| rest.split(['}', ':']).next().unwrap_or_default());
    names.collect()
}

/// Start, end and content of every string literal, escapes as they are written.
fn literals(code: &str) -> Vec<(usize, usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = code[from..].find('"').map(|at| from + at) {
        if code[..start].ends_with('\'') {
            from = start + 1;
            continue;
        }
        let mut end = start + 1;
        while !code[end..].starts_with('"') {
            end += if code[end..].starts_with('\\') { 1 } else { 0 };
            end += code[end..].chars().next().map_or(1, char::len_utf8);
        }
        found.push((start, end + 1, &code[start + 1..end]));
        from = end + 1;
    }
    found
}

/// Every file of the library, without comments and tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![PathBuf::from("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder").flatten() {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
                let text = read(path.to_str().expect("a plain name"));
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let code = code.take_while(|line| *line != "#[cfg(test)]").collect::<Vec<_>>().join("\n");
                sources.push((path, code));
            }
        }
    }
    sources
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("a text of the repository")
}
