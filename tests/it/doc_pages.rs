//! The documentation as rustdoc renders it: every public item has an example, no link leads nowhere, pages begin with what
//! is needed first.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The pages of the crate, by their paths under `target/doc`.
static PAGES: LazyLock<BTreeMap<PathBuf, String>> = LazyLock::new(render);

/// Kinds of pages that stand for one item, by the start of their names.
const ITEMS: [&str; 7] = ["struct.", "enum.", "trait.", "fn.", "type.", "constant.", "macro."];

/// The headings of `Client`'s page, in the order in which a program needs them.
const CLIENT: [&str; 7] = [
    "A new client",
    "Connecting and disconnecting",
    "The loop, which runs the callbacks",
    "Publishing",
    "Subscribing",
    "Callbacks",
    "Settings",
];

/// Has rustdoc write the pages where the tests were built, as `./test.sh` does: what is up to date is not written anew.
fn render() -> BTreeMap<PathBuf, String> {
    let test = env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("target/PROFILE/deps/TEST");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["doc", "--quiet", "--offline", "--no-deps", "--all-features", "--target-dir"]).arg(target);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("RUSTDOCFLAGS", "-D warnings");
    let output = command.output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut pages = BTreeMap::new();
    for folder in ["rappel", "src/rappel"] {
        read_pages(&target.join("doc"), Path::new(folder), &mut pages);
    }
    pages
}

fn read_pages(root: &Path, folder: &Path, pages: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder of pages").flatten() {
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            read_pages(root, &path, pages);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            pages.insert(path, fs::read_to_string(entry.path()).expect("a page"));
        }
    }
}

#[track_caller]
fn page(path: &str) -> &'static str {
    PAGES.get(Path::new(path)).unwrap_or_else(|| panic!("there is no page {path}"))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end).map_or(rest, |(inside, _)| inside))
}

fn has_example(text: &str) -> bool {
    text.contains("class=\"example-wrap") || text.contains("class=\"rust rust-example-rendered")
}

/// The methods and constants of an item's own `impl` blocks, each with what is said about it.
fn own_items(page: &str) -> Vec<(&str, &str)> {
    let own = between(page, "id=\"implementations-list\"", "section-header").unwrap_or_default();
    let parts = own.split("<section id=\"").skip(1).filter_map(|part| part.split_once('"'));
    parts.filter(|(id, _)| id.starts_with("method.") || id.starts_with("associatedconstant.")).collect()
}

#[test]
fn every_public_item_has_an_example() {
    let (mut seen, mut missing) = (0, Vec::new());
    for (path, text) in PAGES.iter().filter(|(path, _)| path.starts_with("rappel")) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A page that leads to the one under the shorter path.
        if !ITEMS.iter().any(|kind| name.starts_with(kind)) || text.contains("http-equiv=\"refresh\"") {
            continue;
        }
        let about = between(text, "class=\"toggle top-doc\"", "section-header").unwrap_or_default();
        if !has_example(about) {
            missing.push(path.display().to_string());
        }
        let items = own_items(text);
        seen += 1 + items.len();
        let items = items.into_iter().filter(|(_, said)| !has_example(said));
        missing.extend(items.map(|(id, _)| format!("{}#{id}", path.display())));
    }
    assert!(seen > 200, "only {seen} items were found");
    assert!(missing.is_empty(), "write an example into the comment of each of these:\n{}", missing.join("\n"));
}

#[test]
fn no_link_of_the_pages_leads_nowhere() {
    let mut dead = BTreeSet::new();
    let ids: BTreeMap<&Path, BTreeSet<&str>> = PAGES
        .iter()
        .map(|(path, text)| {
            let ids = text.split(" id=\"").skip(1).filter_map(|part| part.split('"').next());
            (path.as_path(), ids.collect())
        })
        .collect();
    let mut followed = 0;
    for (path, text) in PAGES.iter().filter(|(path, _)| path.starts_with("rappel")) {
        // What other crates say of their blanket implementations is theirs.
        let own = text.split("id=\"blanket-implementations-list\"").next().unwrap_or_default();
        let links = own.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
        for link in links.filter(|link| !link.contains("://") && !link.contains("static.files/")) {
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => resolved(path.parent().expect("a page lies in a folder"), file),
            };
            // The lines of a source are numbered when it is shown.
            let is_source = target.starts_with("src");
            let exists = match ids.get(target.as_path()) {
                Some(ids) => part.is_empty() || is_source || ids.contains(part) || ids.contains(&*unescaped(part)),
                None => false,
            };
            followed += 1;
            if !exists {
                dead.insert(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(followed > 1000, "only {followed} links were found");
    let dead: Vec<String> = dead.into_iter().collect();
    assert!(
        dead.is_empty(),
        "these links lead nowhere in the pages; src/documentation.rs says where those of the repository's files lead (write the \
         path of a source as code, without a link):\n{}",
        dead.join("\n")
    );
}

/// Where `link` leads from `folder`; both are relative to the root of the pages.
fn resolved(folder: &Path, link: &str) -> PathBuf {
    let mut target = PathBuf::new();
    for component in folder.join(link).components() {
        match component {
            Component::ParentDir => drop(target.pop()),
            Component::CurDir => {}
            component => target.push(component),
        }
    }
    if link.ends_with('/') { target.join("index.html") } else { target }
}

/// The text of a link in which letters beyond ASCII are written as `%C3%A9`.
fn unescaped(link: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = link.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code.filter(|_| first == b'%') {
            Some(byte) => (bytes.push(byte), rest = &tail[2..]),
            None => (bytes.push(first), rest = tail),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn the_page_of_client_begins_with_new_and_goes_on_as_a_program_does() {
    let page = page("rappel/struct.Client.html");
    let items = own_items(page);
    let first: Vec<&str> = items.iter().take(2).map(|(id, _)| *id).collect();
    assert_eq!(first, ["method.new", "method.builder"]);
    let own = between(page, "id=\"implementations-list\"", "section-header").expect("the methods");
    let at: Vec<Option<usize>> = CLIENT.iter().map(|heading| own.find(&format!("</a>{heading}</h4>"))).collect();
    assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{CLIENT:?} stand at {at:?}");
    for block in own.split("<section id=\"impl-Client").skip(1) {
        let (before, _) = block.split_once("<section id=\"method.").expect("a method");
        assert!(before.contains("<h4 id=\""), "an `impl` of Client has no heading, `/// # ..`: {block:.2000}");
    }
}

#[test]
fn every_variant_of_error_shows_its_text() {
    let page = page("rappel/enum.Error.html");
    let variants: Vec<&str> = page.split("<section id=\"variant.").skip(1).collect();
    assert!(variants.len() > 40, "{}", variants.len());
    for variant in variants {
        let (name, said) = variant.split_once('"').expect("the end of the id");
        let text = between(said, "<em>", "</em>").unwrap_or_default();
        assert!(text.len() > 20, "{name} does not show its text");
    }
}
