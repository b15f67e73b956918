//! The examples taken home: without the harness each stands alone in a crate that knows `rappel` and the hardware only.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Observer;
use crate::support::mosquitto::Mosquitto;

/// The programs of the course.
pub const PROGRAMS: [&str; 10] =
    ["publier", "recevoir", "authentification", "qos", "ex1", "ex2", "ex3", "ex4_pub", "ex4_sub", "ex5"];

/// What a student's own crate has besides `rappel`.
const HARDWARE: [&str; 4] = ["ads1x1x", "nb", "linux-embedded-hal", "rppal"];

/// How many lines of a program may be the harness's.
const MOST_LINES: usize = 3;

/// A line of the harness ends with this, or with this and what replaces it at home.
const MARK: &str = " // harnais";
const AT_HOME: &str = " // harnais ; chez vous : ";

/// The program as it is taken home: marked lines are struck, or replaced as they say.
pub fn at_home(source: &str) -> String {
    let lines = source.lines().filter_map(|line| match line.split_once(AT_HOME) {
        Some((code, home)) => {
            let indent = &code[..code.len() - code.trim_start().len()];
            Some(format!("{indent}{home}"))
        }
        None if line.ends_with(MARK) => None,
        None => Some(line.to_owned()),
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    // Where the module of the harness stood, one empty line is enough.
    text.replace("\n\n\n", "\n\n")
}

pub fn source_of(program: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{program}.rs"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A student's crate, with each program under `src/bin`.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chez-vous");
        let bins = folder.join("src/bin");
        fs::create_dir_all(&bins).expect("the folder");
        let root = env!("CARGO_MANIFEST_DIR");
        let manifest = fs::read_to_string(Path::new(root).join("Cargo.toml")).expect("the manifest");
        let hardware: Vec<&str> = manifest
            .lines()
            .filter(|line| HARDWARE.iter().any(|name| line.starts_with(&format!("{name} ="))))
            .collect();
        assert_eq!(hardware.len(), HARDWARE.len(), "{hardware:?}");
        // With the engine that these tests are built with.
        let paho = cfg!(feature = "paho");
        let text = format!(
            "[package]\nname = \"chez-vous\"\nedition = \"2024\"\n\n[dependencies]\nrappel = {{ path = {root:?}, default-features = {paho} }}\n{}\n\n\
             [workspace]\n",
            hardware.join("\n")
        );
        fs::write(folder.join("Cargo.toml"), text).expect("the manifest");
        // The same versions as here: nothing is downloaded, and what is built already need not be built again.
        fs::copy(Path::new(root).join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
        Self(folder)
    }

    fn add(&self, name: &str, source: &str) {
        fs::write(self.0.join(format!("src/bin/{name}.rs")), source).expect("a program");
    }

    /// Where the tests themselves were built: what both need is built once.
    fn target() -> PathBuf {
        let test = env::current_exe().expect("the path of this test");
        test.ancestors().nth(3).expect("target/PROFILE/deps/TEST").to_owned()
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).args(["--offline", "--quiet", "--target-dir"]).arg(Self::target());
        command.current_dir(&self.0).env_remove("MQTT_BROKER").output().expect("cargo starts")
    }
}

#[test]
fn every_program_compiles_in_a_crate_of_its_own() {
    let home = Home::new();
    for program in PROGRAMS {
        let source = source_of(program);
        let harness = source.lines().filter(|line| line.contains(MARK)).count();
        assert!(harness <= MOST_LINES, "{program} has {harness} lines of the harness, more than {MOST_LINES}");
        let text = at_home(&source);
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        assert!(!code.contains("common"), "{program} needs the harness at a line that is not marked:\n{text}");
        home.add(program, &text);
    }
    let broker = Mosquitto::builder().anonymous(true).user("alice", "abc-123").start();
    let here = |text: &str| {
        text.replace("\"mqttbroker.lan\"", "\"127.0.0.1\"").replace("u16 = 1883", &format!("u16 = {}", broker.port()))
    };
    home.add("publier", &here(&at_home(&source_of("publier"))));
    let french = "fn main() -> pmc::Result<()> {\n    pmc::set_language(pmc::Language::French);";
    let faux = at_home(&source_of("authentification")).replace("abc-123", "faux");
    home.add("faux", &here(&faux.replace("fn main() -> pmc::Result<()> {", french)));

    let built = home.cargo(&["build"]);
    let complaints = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{complaints}");
    assert!(!complaints.contains("--> src/bin"), "a warning:\n{complaints}");

    let observer = Observer::with_login(broker.port(), ("alice", "abc-123"));
    let output = home.cargo(&["run", "--bin", "publier"]);
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stdout)), (Some(0), "Connecté\n"));
    assert_eq!(observer.next(), super::heard("test", "allo", 0));
    let output = home.cargo(&["run", "--bin", "faux"]);
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stdout)), (Some(1), "Erreur code 135\n"));
    super::check_refused(&String::from_utf8_lossy(&output.stderr));
}
