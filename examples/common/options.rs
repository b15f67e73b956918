//! The command line of an example, and what `--help` says about it.

use std::env;
use std::ffi::OsString;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use super::machine;
use super::pi::Backend;

/// What an example is called, what it does, and the options it has besides `--broker` and `--help`.
pub struct Program {
    pub name: &'static str,
    about: &'static str,
    options: &'static [Opt],
}

/// Name, name of the value (none for a switch), and a line of help.
type Opt = (&'static str, Option<&'static str>, &'static str);

const PERIOD: Opt = ("periode", Some("SECONDES"), "le temps entre deux mesures ou deux affichages (10)");
const NAME: Opt = ("nom", Some("NOM_HOTE"), "le nom à la place de celui de cette machine");
const CHART: Opt = ("graphique", None, "dessine les valeurs dans le terminal ; q pour quitter");
const USER: Opt = ("utilisateur", Some("NOM"), "un autre nom d'utilisateur");
const PASSWORD: Opt = ("mot-de-passe", Some("TEXTE"), "un autre mot de passe");
const BROKER: Opt = ("broker", Some("HOTE[:PORT]"), "le broker à utiliser (port 1883 si rien n'est dit)");
const SIMULATE: Opt = ("simulate", None, "simule le matériel, même sur un Raspberry Pi");
const HARDWARE: Opt = ("hardware", None, "exige le vrai matériel (Pi trop récent pour être reconnu)");

/// Every example that has this harness.
const PROGRAMS: &[Program] = &[
    program("publier", "Publie « allo » dans la rubrique « test », puis se déconnecte.", &[]),
    program("recevoir", "Affiche les messages de la rubrique « test », jusqu'à Ctrl-C.", &[]),
    program("authentification", "Donne un nom et un mot de passe au broker, puis publie « allo ».", &[USER, PASSWORD]),
    program("qos", "Publie un message avec QoS 2 dans la rubrique « test » et attend sa confirmation.", &[]),
    program("ex1", "Annonce cette machine dans la rubrique « exercice1 » et affiche ce qui y arrive.", &[]),
    program("ex2", "Publie « clic » dans « exercice2 » à chaque pression du bouton.", &[SIMULATE, HARDWARE]),
    program("ex3", "Un chat dans la rubrique « exercice3 ». Ctrl-D ou Ctrl-C pour quitter.", &[]),
    program("ex4_pub", "Publie la luminosité (0 à 100) dans « /ex4/NOM_HOTE ».", &[PERIOD, NAME, SIMULATE, HARDWARE]),
    program("ex4_sub", "Affiche le Pi qui reçoit le plus de lumière et la moyenne de tous.", &[PERIOD, CHART]),
    program("graphique", "Ce que montre ex4_sub --graphique ; q pour quitter.", &[PERIOD]),
    program("ex5", "Publie « clic » avec QoS 2 et mot de passe à chaque pression du bouton.", &[SIMULATE, HARDWARE]),
    program("demo", "L'exercice 4 avec trois Pi simulés et son propre broker, pendant quelques secondes.", &[]),
];

const fn program(name: &'static str, about: &'static str, options: &'static [Opt]) -> Program {
    Program { name, about, options }
}

/// What the command line asks for.
pub struct Options {
    pub program: &'static Program,
    /// By `--broker`, or else by the variable MQTT_BROKER.
    pub broker: Option<(String, u16)>,
    given: Vec<(&'static str, String)>,
    pub backend: Backend,
    pub period: Option<Duration>,
}

impl Options {
    /// Reads the command line; `--help` and mistakes end the program here.
    pub fn of_this_program() -> Self {
        let path = PathBuf::from(env::args_os().next().unwrap_or_default());
        let program = PROGRAMS.iter().find(|program| path.file_stem().is_some_and(|name| name == program.name));
        let program = program.unwrap_or(&PROGRAMS[0]);
        match parse(program, env::args_os().skip(1), env::var_os("MQTT_BROKER")) {
            Ok(Some(options)) => options,
            Ok(None) => {
                print!("{}", help(program));
                process::exit(0)
            }
            Err(sentence) => {
                eprintln!("Erreur : {sentence}\nPour de l'aide : cargo run --example {} -- --help", program.name);
                process::exit(2)
            }
        }
    }

    /// The value of `--name`; the last one when it was given twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rfind(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// The name of `--nom`, or of this machine.
    pub fn host_name(&self) -> String {
        self.value("nom").map_or_else(machine::host_name, str::to_owned)
    }
}

/// `arguments` come without the program's name; nothing for `--help`, a sentence when it is wrong. Bytes that are not
/// UTF-8 are shown as `�`, which is right nowhere.
pub fn parse(
    program: &'static Program,
    arguments: impl IntoIterator<Item = OsString>,
    variable: Option<OsString>,
) -> Result<Option<Options>, String> {
    let (mut broker, mut given) = (None, Vec::new());
    let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = arguments.next() {
        let (name, mut value) =
            argument.split_once('=').map_or((&*argument, None), |(name, value)| (name, Some(value)));
        if ["-h", "--help"].contains(&name) {
            return Ok(None);
        }
        let known = program.options.iter().chain(&[BROKER]).find(|option| name.strip_prefix("--") == Some(option.0));
        let Some((option, takes, _)) = known else {
            let what = if name.starts_with('-') { "option inconnue" } else { "argument inattendu" };
            return Err(format!("{what} : « {} »", argument.escape_debug()));
        };
        let next = if takes.is_some() && value.is_none() { arguments.next() } else { None };
        value = value.or(next.as_deref());
        match (takes, value) {
            (Some(_), None) => return Err(format!("il manque la valeur de l'option {name}")),
            (None, Some(value)) => return Err(format!("l'option {name} ne prend pas de valeur (« {value} »)")),
            (Some(_), Some(text)) if name == "--broker" => {
                broker = Some(address(text).map_err(|why| format!("--broker : {why}"))?);
            }
            _ => given.push((*option, value.unwrap_or_default().to_owned())),
        }
    }
    if let Some(text) = variable.filter(|text| broker.is_none() && !text.is_empty()) {
        broker = Some(address(&text.to_string_lossy()).map_err(|why| format!("MQTT_BROKER : {why}"))?);
    }
    let is_given = |name: Opt| given.iter().any(|(given, _)| *given == name.0);
    let backend = Backend::choose(is_given(SIMULATE), is_given(HARDWARE))?;
    let mut options = Options { program, broker, given, backend, period: None };
    options.period = options.value(PERIOD.0).map(seconds).transpose()?;
    let name = options.value(NAME.0);
    match name.filter(|name| name.is_empty() || name.contains(['/', '+', '#', '\0'])) {
        Some(name) => Err(format!("« {name} » ne convient pas comme nom : il en faut un, sans / ni + ni #")),
        None => Ok(Some(options)),
    }
}

/// The text of `--help`.
fn help(program: &Program) -> String {
    let mut lines: Vec<(String, &str)> = Vec::new();
    for (name, value, help) in program.options.iter().chain(&[BROKER]) {
        lines.push((value.map_or(format!("--{name}"), |value| format!("--{name} {value}")), help));
    }
    lines.push(("-h, --help".to_owned(), "affiche cette aide"));
    let options: String = lines.iter().map(|(syntax, help)| format!("  {syntax:22}  {help}\n")).collect();
    format!(
        "{}

Utilisation : cargo run --example {} -- [OPTIONS]

Options :
{options}
Sans --broker, le programme utilise celui de la variable MQTT_BROKER ; sinon celui de
ses constantes BROKER et PORT, si vous les avez changées ; sinon localhost:1883, si un
broker y répond ; sinon il démarre mosquitto sur cette machine.
",
        program.about, program.name
    )
}

/// A number of seconds: `10`, `0.5` or `0,5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.replace(',', ".").parse::<f64>().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| *duration >= Duration::from_millis(1)).ok_or_else(|| {
        format!("--periode attend un nombre de secondes plus grand que zéro, par exemple 10 ou 0.5, et non « {text} »")
    })
}

/// Reads `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` or a bare IPv6 address.
pub fn address(text: &str) -> Result<(String, u16), String> {
    if text.contains("://") {
        return Err(format!("« {text} » : écrivez seulement HOTE[:PORT], sans « mqtt:// »"));
    }
    let bare = text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or_default())),
        None if bare => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/[]@\u{fffd}".contains(c)) {
        return Err(format!("« {} » n'est pas un nom ni une adresse de machine", text.escape_debug()));
    }
    let port = port.unwrap_or("1883");
    // `parse` alone would take "+1883".
    match port.parse::<u16>() {
        Ok(number) if number > 0 && !port.starts_with('+') => Ok((host.to_owned(), number)),
        _ => Err(format!("« {} » n'est pas un port : il faut un nombre de 1 à 65535", port.escape_debug())),
    }
}
