//! What `Cargo.toml` says holds: the version of Rust, the licences of what is built, and what is packed.
//!
//! Known vulnerabilities are not looked for here: that takes a database which changes every day. With a network,
//! `cargo install cargo-deny && cargo deny check advisories` asks it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tidy::text::link_targets;

/// Licences under which a program built with this crate may be passed on, whatever its own.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "EPL-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// What the package holds, beside what `cargo package` puts in by itself.
const PACKED: [&str; 6] = ["src/", "docs/", "examples/", "README.md", "CHANGELOG.md", "LICENSE"];
const BY_CARGO: [&str; 4] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What cargo prints, without asking the network.
#[track_caller]
fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    let output = command.args(arguments).arg("--offline").current_dir(folder).output().expect("cargo starts");
    assert!(output.status.success(), "cargo {arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The parts of a version, to be compared.
fn version(text: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = text.split('.').map(|part| part.parse().expect("a number")).collect();
    parts.resize(3, 0);
    parts
}

#[test]
fn every_dependency_builds_with_the_rust_that_the_manifest_names() {
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc starts").stdout;
    let rustc = String::from_utf8_lossy(&rustc).into_owned();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("the host's name");
    let arguments = ["metadata", "--format-version=1", "--all-features", "--filter-platform", host];
    let metadata = cargo(root(), &arguments);
    let (mut seen, mut newer) = (0, Vec::new());
    let mut packages = metadata.split("\"manifest_path\":\"").skip(1);
    while let Some((path, rest)) = packages.next().and_then(|part| part.split_once('"')) {
        let wanted = rest.split("\"rust_version\":\"").nth(1).and_then(|rest| rest.split('"').next());
        seen += 1;
        if wanted.is_some_and(|wanted| version(wanted) > ours) {
            newer.push(format!("{path}: {wanted:?}"));
        }
    }
    assert!(seen > 50, "only {seen} packages were found");
    assert!(newer.is_empty(), "these need a newer Rust than `rust-version` of Cargo.toml:\n{}", newer.join("\n"));
    for (file, start) in [("README.md", "- Rust "), ("examples/graphique/Cargo.toml", "rust-version = \"")] {
        let text = fs::read_to_string(root().join(file)).expect("a file");
        let says = format!("{start}{}", env!("CARGO_PKG_RUST_VERSION"));
        assert!(text.contains(&says), "{file} does not say {says:?}");
    }
}

/// Whether an SPDX expression leaves a choice that is allowed.
fn is_allowed(expression: &str) -> bool {
    let one = |licence: &str| LICENCES.contains(&licence.trim_matches(|c: char| "() ".contains(c)));
    let choice = |part: &str| part.replace('/', " OR ").split(" OR ").any(one);
    expression.split(" AND ").all(choice)
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    for (expression, allowed) in [("MIT", true), ("GPL-3.0", false), ("(MIT OR GPL-3.0) AND ISC", true)] {
        assert_eq!(is_allowed(expression), allowed, "{expression}");
    }
    assert!(!is_allowed("MIT AND GPL-3.0") && !is_allowed(""));
    let tree = ["tree", "--all-features", "--edges=normal,build", "--prefix=none", "--format={p}|{l}"];
    let tree = cargo(root(), &tree);
    let packages: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(packages.len() > 20, "{packages:?}");
    let other = |line: &&&str| !line.split_once('|').is_some_and(|(_, licence)| is_allowed(licence));
    let others: Vec<_> = packages.iter().filter(other).collect();
    assert!(others.is_empty(), "these have other licences, or none; read them before they are added: {others:?}");
}

#[test]
fn the_package_builds_and_the_links_of_its_pages_lead_somewhere() {
    let test = env::current_exe().expect("the path of this test");
    let target = test.ancestors().nth(3).expect("target/PROFILE/deps/TEST");
    let target_dir = format!("--target-dir={}", target.display());
    cargo(root(), &["package", "--quiet", "--allow-dirty", &target_dir]);
    let folder = format!("{}-{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let folder = target.join("package").join(folder);
    cargo(&folder, &["check", "--quiet", "--examples", &target_dir]);

    let listed = cargo(root(), &["package", "--list", "--allow-dirty"]);
    let files: Vec<&str> = listed.lines().filter(|file| !BY_CARGO.contains(file)).collect();
    let others: Vec<_> = files.iter().filter(|file| !PACKED.iter().any(|start| file.starts_with(start))).collect();
    assert!(others.is_empty(), "`include` of Cargo.toml packs these: {others:?}");
    for page in files.iter().filter(|file| file.ends_with(".md")) {
        let page = folder.join(page);
        for target in link_targets(&fs::read_to_string(&page).expect("a page")) {
            assert!(page.with_file_name(&target).exists(), "{}: {target} is not in the package", page.display());
        }
    }
}
