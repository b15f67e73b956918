//! The structural habits of the repository, as tests: each failure says what to do.
//!
//! They read the files of the repository and nothing else: no broker, no network. Run them alone with `cargo tidy`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use text::{code_of, code_spans, has_word, is_word, link_targets, starts_a_path};

pub mod text;

/// The modules of the library from the lowest layer to the highest; a module imports only from layers below its own.
const LAYERS: &[&[&str]] = &[
    &["types"],
    &["sync"],
    &["guarded"],
    &["tls"],
    &["mqtt"],
    &["outbox"],
    &["event", "store"],
    &["engine", "callbacks"],
    &["net"],
    &["event_loop"],
    &["benching"],
    &["client"],
    &["one_shot"],
    &["publish", "subscribe"],
    &["documentation"],
];

/// The length past which a file is split by topic.
const MAX_LINES: usize = 500;

/// This file names what it forbids, so it does not check itself.
const THIS_FILE: &str = "tests/it/tidy.rs";

#[test]
fn only_its_room_names_paho() {
    let is_room = |path: &str| path == "src/engine/paho.rs" || path.starts_with("src/engine/paho/");
    let offenders = lines_of_code(&["src", "examples"], |path, line| !is_room(path) && has_word(line, "paho_mqtt"));
    assert_none(&offenders, "only src/engine/paho.rs and what is below it name paho_mqtt");

    // Beside the bindings: the module and its arm of the match, the variant and where it is chosen.
    let may_stand = [
        "src/engine.rs",
        "src/types/engine.rs",
        "src/client/builder.rs",
        "src/types/error.rs",
        "src/types/error/tests.rs",
    ];
    let offenders = lines_of_code(&["src"], |path, line| {
        !is_room(path) && !may_stand.contains(&path) && ["paho", "Paho"].iter().any(|name| has_word(line, name))
    });
    assert_none(&offenders, "outside of its room, nothing in the code knows of Paho");
}

#[test]
fn only_the_network_touches_a_socket() {
    const SOCKETS: &[&str] =
        &["mio", "TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "ToSocketAddrs"];
    let offenders = lines_of_code(&["src"], |path, line| {
        !path.starts_with("src/net")
            && !path.starts_with("src/engine")
            && SOCKETS.iter().any(|socket| has_word(line, socket))
    });
    assert_none(&offenders, "only files under src/net and the engines open, read or write sockets; move this there");
}

#[test]
fn one_function_catches_panics() {
    let calls = lines_of_code(&["src"], |_, line| line.contains("catch_unwind("));
    assert!(
        calls.len() == 1,
        "catch_unwind is called in exactly one function of src, found {}; call that function instead:\n{}",
        calls.len(),
        calls.join("\n"),
    );
}

#[test]
fn imports_point_one_way() {
    let exported = names_exported_at_the_root();
    let mut offenders = Vec::new();
    for path in files_under(&["src"], "rs") {
        let name = relative(&path);
        let module = top_module(&name);
        if module == "lib" {
            continue;
        }
        let Some(rank) = rank_of(&module) else {
            offenders.push(format!("{name}: module `{module}` has no layer yet; give it one in LAYERS of {THIS_FILE}"));
            continue;
        };
        for used in used_from_crate(&code_of(&read(&path))) {
            let target = exported.get(&used).unwrap_or(&used);
            let allowed = *target == module || rank_of(target).is_some_and(|it| it < rank);
            if !allowed {
                offenders.push(format!("{name}: uses crate::{used}, which is not below `{module}`"));
            }
        }
    }
    offenders.dedup();
    assert_none(
        &offenders,
        "imports point from higher layers to lower ones (docs/architecture.md); move the shared part down, or hand it over as an argument",
    );
}

#[test]
fn source_files_are_short_and_say_what_they_are() {
    let mut offenders = Vec::new();
    for path in files_under(&["src", "examples", "tests"], "rs") {
        let text = read(&path);
        let name = relative(&path);
        if !text.starts_with("//! ") {
            offenders.push(format!("{name}: open the file with a `//!` line that says its one responsibility"));
        }
        let lines = text.lines().count();
        // A list of all errors is not shorter in two files.
        if name.starts_with("src/") && name != "src/types/error.rs" && lines > MAX_LINES {
            offenders.push(format!("{name}: {lines} lines, more than {MAX_LINES}; split it by topic"));
        }
    }
    assert_none(&offenders, "every file has one responsibility, said in its first line");
}

#[test]
fn every_example_is_listed() {
    let listed = examples_listed();
    let mut offenders = Vec::new();
    for example in &examples_present() {
        if !listed.contains(example) {
            offenders.push(format!("`{example}` has no line in the table of examples/README.md; add one"));
        }
    }
    for example in &listed {
        if !examples_present().contains(example) {
            offenders.push(format!(
                "`{example}` is in the table of examples/README.md but not in examples/; remove or write it"
            ));
        }
    }
    assert_none(&offenders, "examples/README.md lists every example and no other");
}

#[test]
fn one_file_of_the_examples_names_rppal() {
    let mut files = Vec::new();
    for path in files_under(&["examples"], "rs") {
        if code_of(&read(&path)).lines().any(|line| has_word(line, "rppal")) {
            files.push(relative(&path));
        }
    }
    assert!(
        files.len() == 1,
        "rppal is no longer maintained, so exactly one file of examples/ may name it, to be replaced alone; found: {files:?}",
    );
}

#[test]
fn changelog_has_this_version() {
    let heading = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    let changelog = read(&root().join("CHANGELOG.md"));
    assert!(
        changelog.lines().any(|line| line.starts_with(&heading)),
        "CHANGELOG.md has no line starting with `{heading}`; say there what this version brings",
    );
}

#[test]
fn every_feature_is_told() {
    let manifest = read(&root().join("Cargo.toml"));
    let (_, features) = manifest.split_once("[features]\n").expect("the features");
    let lines = features.split("\n[").next().unwrap_or_default().lines();
    let names: Vec<&str> = lines.filter_map(|line| line.split_once(" = [")).map(|(name, _)| name).collect();
    assert!(names.contains(&"paho"), "{names:?}");
    let mut offenders = Vec::new();
    for (file, row) in [("README.md", "| `"), ("src/lib.rs", "//! | `")] {
        let text = read(&root().join(file));
        let missing = names.iter().filter(|name| **name != "default" && !text.contains(&format!("\n{row}{name}`")));
        offenders.extend(missing.map(|name| format!("{file}: `{name}`")));
    }
    assert_none(&offenders, "the table of features has no row for these: what each brings, and what it costs");
}

#[test]
fn links_between_files_lead_somewhere() {
    let mut offenders = Vec::new();
    for path in text_files() {
        if path.extension().is_none_or(|it| it != "md") {
            continue;
        }
        let folder = path.parent().expect("a file lies in a folder");
        for target in link_targets(&read(&path)) {
            if !folder.join(&target).exists() {
                offenders.push(format!("{}: {target}", relative(&path)));
            }
        }
        // The pages of rustdoc cannot link to sources as a file can: there, the path alone is written.
        let sources = |span: &&str| span.starts_with("src/") && span.ends_with(".rs") && !span.ends_with("/main.rs");
        for source in code_spans(&read(&path)).into_iter().filter(sources) {
            if !root().join(source).exists() {
                offenders.push(format!("{}: {source}", relative(&path)));
            }
        }
    }
    assert_none(
        &offenders,
        "these links and paths between files of the repository lead nowhere; correct them or write the file",
    );
}

#[test]
fn parity_names_functions_that_exist() {
    let code: String = files_under(&["src"], "rs").iter().map(|path| code_of(&read(path))).collect();
    let mut offenders = Vec::new();
    for (number, line) in read(&root().join("docs/parity.md")).lines().enumerate() {
        let cells: Vec<&str> = line.split(" | ").collect();
        if cells.len() < 3 || !(cells[1].starts_with("done") || cells[1].starts_with("different")) {
            continue;
        }
        for span in code_spans(cells[2]) {
            let Some((owner, item)) = span.split_once("::") else {
                continue;
            };
            let item = item.split(|c: char| !is_word(c)).next().unwrap_or_default();
            if !owner.chars().all(is_word) || item.is_empty() {
                continue;
            }
            let exists = match item.starts_with(char::is_uppercase) {
                true => has_word(&code, item),
                false => defines(&code, item),
            };
            if !has_word(&code, owner) || !exists {
                offenders.push(format!("docs/parity.md:{}: `{span}`", number + 1));
            }
        }
    }
    assert_none(
        &offenders,
        "docs/parity.md calls these done, but src/ does not have them; write them, or mark the row `not there`",
    );
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let mut offenders = Vec::new();
    for span in code_spans(&read(&root().join("docs/reliability.md"))) {
        let Some((module, test)) = span.rsplit_once("::").filter(|(module, _)| module.split("::").all(is_lower_path))
        else {
            continue;
        };
        let file = root().join(format!("tests/it/{}.rs", module.replace("::", "/")));
        if !file.exists() || !defines(&code_of(&read(&file)), test) {
            offenders.push(format!("docs/reliability.md: `{span}`"));
        }
    }
    assert_none(
        &offenders,
        "docs/reliability.md promises by tests that tests/it does not have; write them, or correct it",
    );
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, so that a search for the words finds none here either.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let offenders = lines_of_text(|line| marks.iter().any(|mark| has_word(line, mark)));
    assert_none(&offenders, "do it now, or say it in an issue and not in a file");
}

#[test]
fn the_repository_speaks_of_itself_only() {
    let mut offenders = lines_of_text(|line| {
        let absolute = ["/work/", "/tmp/", "/root/", "/home/"].iter().any(|folder| starts_a_path(line, folder));
        absolute || line.contains("file://") || line.contains("index.crates.io")
    });
    if let Ok(lock) = fs::read_to_string(root().join("Cargo.lock")) {
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        for line in lock.lines().filter(|line| line.starts_with("source = ") && *line != public) {
            offenders.push(format!("Cargo.lock: {line}"));
        }
    }
    assert_none(
        &offenders,
        "no path and no registry of one machine belongs in the repository; write it relative, or use tempfile",
    );
}

// ---- The repository's files ----------------------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The path as it is written in documents: from the root, with forward slashes.
fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).expect("all files looked at lie under the root");
    let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// All files of these folders with this ending, sorted.
fn files_under(folders: &[&str], extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folders.iter().flat_map(|folder| walk(&root().join(folder))).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == extension) && relative(path) != THIS_FILE);
    files
}

/// Every text that people write: sources, documents, scripts and settings, this file left out.
fn text_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = ["src", "examples", "tests", "docs", ".ci", ".cargo"]
        .iter()
        .flat_map(|folder| walk(&root().join(folder)))
        .collect();
    files.extend(entries(root()).into_iter().filter(|path| path.is_file() && !path.ends_with("Cargo.lock")));
    files.retain(|path| relative(path) != THIS_FILE);
    files
}

/// The files below a folder, but for what programs leave there.
fn walk(folder: &Path) -> Vec<PathBuf> {
    const LEFT_BEHIND: [&str; 3] = ["target", "corpus", "artifacts"];
    let written = |path: &PathBuf| !LEFT_BEHIND.iter().any(|name| path.ends_with(name));
    entries(folder)
        .into_iter()
        .filter(written)
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The lines of code, without comments, that `offends` picks, each as `file:line: text`.
fn lines_of_code(folders: &[&str], offends: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in files_under(folders, "rs") {
        let name = relative(&path);
        for (number, line) in code_of(&read(&path)).lines().enumerate() {
            if offends(&name, line) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

/// The same for every text of the repository, comments included.
fn lines_of_text(offends: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in text_files() {
        for (number, line) in read(&path).lines().enumerate() {
            if offends(line) {
                found.push(format!("{}:{}: {}", relative(&path), number + 1, line.trim()));
            }
        }
    }
    found
}

fn assert_none(offenders: &[String], what_to_do: &str) {
    assert!(offenders.is_empty(), "{what_to_do}:\n{}", offenders.join("\n"));
}

// ---- Modules and examples ------------------------------------------------------------------------------------------

/// A module's name, as against a type's.
fn is_lower_path(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn rank_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// `src/link/tcp.rs` and `src/link.rs` both belong to `link`.
fn top_module(name: &str) -> String {
    let inside = name.trim_start_matches("src/");
    let first = inside.split('/').next().unwrap_or(inside);
    first.trim_end_matches(".rs").to_owned()
}

/// What `lib.rs` re-exports, each name with the module it comes from: `crate::Error` is `types`.
fn names_exported_at_the_root() -> BTreeMap<String, String> {
    let lib = code_of(&read(&root().join("src/lib.rs")));
    let mut names = BTreeMap::new();
    for statement in lib.split(';').filter_map(|it| it.split("use ").nth(1)) {
        let path = statement.trim().trim_start_matches("crate::").trim_start_matches("self::");
        let Some((module, rest)) = path.split_once("::") else {
            continue;
        };
        for name in rest.split(|c: char| !is_word(c)).filter(|it| !it.is_empty()) {
            names.insert(name.to_owned(), module.to_owned());
        }
    }
    names
}

/// The first name after each `crate::`, from groups too: `use crate::{a::B, c}` gives `a` and `c`.
fn used_from_crate(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, matched) in code.match_indices("crate::") {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let rest = &code[at + matched.len()..];
        match rest.strip_prefix('{') {
            Some(group) => used.extend(group_heads(group)),
            None => used.extend(first_word(rest)),
        }
    }
    used
}

fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                heads.extend(first_word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some(word)
}

fn examples_present() -> Vec<String> {
    let mut names = Vec::new();
    for path in entries(&root().join("examples")) {
        let is_example = path.extension().is_some_and(|it| it == "rs") || path.join("main.rs").is_file();
        if is_example {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names
}

/// Whether the code has a function or a public field of this name, or makes one by a macro with one name at the start of a line.
fn defines(code: &str, name: &str) -> bool {
    let spelled = [format!("fn {name}("), format!("fn {name}<"), format!("pub {name}:")];
    let by_macro =
        |line: &str| line.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with([',', ';', ' ']));
    spelled.iter().any(|it| code.contains(it)) || code.lines().any(by_macro)
}

/// The names that open the lines of the table.
fn examples_listed() -> Vec<String> {
    let readme = read(&root().join("examples/README.md"));
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once('`')).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn imports_are_found_in_groups_and_paths() {
    let used = used_from_crate("use crate::{a::{B, C}, d}; fn f(_: &crate::e::F) { mycrate::g() } pub(crate) use x;");
    assert_eq!(used, ["a", "d", "e"]);
}
