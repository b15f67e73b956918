//! The command line of an example: `--broker`, `--help` and the options the program names itself.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

use super::report::Failure;

/// The port of MQTT without TLS, when none is given.
pub const DEFAULT_PORT: u16 = 1883;

/// The environment variable that stands for `--broker`.
pub const BROKER_VARIABLE: &str = "MQTT_BROKER";

/// What `--help` says about a program.
pub struct Program {
    /// The name of the example, as in `cargo run --example NAME`.
    pub name: &'static str,
    /// One or more French sentences.
    pub about: &'static str,
    /// The options besides `--broker` and `--help`.
    pub options: &'static [Opt],
}

/// An option only this program has.
pub struct Opt {
    /// The name without its dashes: `periode`.
    pub name: &'static str,
    /// The name of its value in the help (`SECONDES`), or `None` for a switch.
    pub value: Option<&'static str>,
    /// One French line.
    pub help: &'static str,
}

/// What the command line asks for.
pub enum Request {
    /// Show the help and end.
    Help,
    /// Run the program.
    Run(Args),
}

/// The options that were given.
#[derive(Default)]
pub struct Args {
    broker: Option<Address>,
    given: Vec<(&'static str, Option<String>)>,
}

impl Args {
    /// The broker asked for, by `--broker` or else by the environment.
    pub fn broker(&self) -> Option<&Address> {
        self.broker.as_ref()
    }

    /// Whether the switch `--name` was given.
    pub fn flag(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// The value of `--name`; the last one when it was given twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.given.iter().rfind(|(given, _)| *given == name)?;
        value.as_deref()
    }

    /// The value of `--name` as a number of seconds (`10`, `0.5` or `0,5`), `default` when it was not given.
    pub fn seconds(&self, name: &str, default: Duration) -> Result<Duration, Failure> {
        let Some(text) = self.value(name) else {
            return Ok(default);
        };
        let seconds = text.replace(',', ".").parse::<f64>().ok();
        match seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()) {
            Some(duration) if duration >= Duration::from_millis(1) => Ok(duration),
            _ => Err(Failure::usage(format!(
                "--{name} attend un nombre de secondes plus grand que zéro, par exemple 10 ou 0.5, et non « {text} »"
            ))),
        }
    }
}

/// Reads the command line. `arguments` come without the program's name, `variable` is the value of [`BROKER_VARIABLE`].
pub fn parse(
    program: &Program,
    arguments: impl IntoIterator<Item = OsString>,
    variable: Option<OsString>,
) -> Result<Request, Failure> {
    use lexopt::Arg::{Long, Short};

    let mut args = Args::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(in_french)? {
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Long("broker") => {
                let text = utf8("--broker", parser.value().map_err(in_french)?)?;
                args.broker = Some(Address::parse(&text).map_err(|why| bad_broker("--broker", &why))?);
            }
            Long(name) => {
                let Some(option) = program.options.iter().find(|option| option.name == name) else {
                    return Err(in_french(argument.unexpected()));
                };
                let value = match option.value {
                    Some(_) => Some(utf8(&format!("--{}", option.name), parser.value().map_err(in_french)?)?),
                    None => None,
                };
                args.given.push((option.name, value));
            }
            _ => return Err(in_french(argument.unexpected())),
        }
    }
    if args.broker.is_none() {
        args.broker = broker_of_environment(variable)?;
    }
    Ok(Request::Run(args))
}

/// The text of `--help`.
pub fn help(program: &Program) -> String {
    let mut lines = vec![
        ("--broker HOTE[:PORT]".to_owned(), "le broker à utiliser (port 1883 si rien n'est dit)"),
        ("-h, --help".to_owned(), "affiche cette aide"),
    ];
    for (place, option) in program.options.iter().enumerate() {
        let syntax = match option.value {
            Some(value) => format!("--{} {value}", option.name),
            None => format!("--{}", option.name),
        };
        lines.insert(place, (syntax, option.help));
    }
    let width = lines.iter().map(|(syntax, _)| syntax.chars().count()).max().unwrap_or(0);
    let options: String = lines.iter().map(|(syntax, help)| format!("  {syntax:width$}  {help}\n")).collect();
    format!(
        "{}

Utilisation : cargo run --example {} -- [OPTIONS]

Options :
{options}
Sans --broker, le programme utilise celui de la variable {BROKER_VARIABLE} ; sinon
localhost:1883 si un broker y répond ; sinon il démarre mosquitto sur cette
machine, et l'arrête en se terminant.
",
        program.about, program.name
    )
}

/// Where a broker is: a name or an IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl Address {
    /// Reads `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` or a bare IPv6 address; the error is a French sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err(format!("« {text} » : écrivez seulement HOTE[:PORT], sans « mqtt:// »"));
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(|| format!("« {text} » : il manque le « ] »"))?;
            if !is_ipv6(host) {
                return Err(format!("« {host} » n'est pas une adresse IPv6"));
            }
            match port.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if port.is_empty() => (host, None),
                None => {
                    return Err(format!("« {text} » : après « ] » vient seulement « :PORT »"));
                }
            }
        } else if is_ipv6(text) {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        if host.is_empty() {
            return Err(format!("« {text} » : il manque le nom ou l'adresse du broker"));
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/[]@".contains(c)) {
            return Err(format!("« {} » n'est pas un nom de machine", host.escape_debug()));
        }
        let port = port.map_or(Ok(DEFAULT_PORT), parse_port)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// `text` may end with a zone, as in `fe80::1%wlan0`.
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn parse_port(text: &str) -> Result<u16, String> {
    // `parse` alone would take "+1883".
    let port = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match port {
        Some(port) if port > 0 => Ok(port),
        _ => Err(format!("« {} » n'est pas un port : il faut un nombre de 1 à 65535", text.escape_debug())),
    }
}

fn broker_of_environment(variable: Option<OsString>) -> Result<Option<Address>, Failure> {
    match variable {
        Some(value) if !value.is_empty() => {
            let text = utf8(BROKER_VARIABLE, value)?;
            Address::parse(&text).map(Some).map_err(|why| bad_broker(BROKER_VARIABLE, &why))
        }
        _ => Ok(None),
    }
}

fn bad_broker(origin: &str, why: &str) -> Failure {
    Failure::usage(format!("{origin} : {why}"))
}

fn utf8(option: &str, value: OsString) -> Result<String, Failure> {
    value.into_string().map_err(|value| {
        Failure::usage(format!("la valeur de {option} n'est pas du texte UTF-8 : « {} »", shown(&value)))
    })
}

fn shown(text: &OsStr) -> String {
    text.to_string_lossy().escape_debug().to_string()
}

fn in_french(error: lexopt::Error) -> Failure {
    use lexopt::Error;

    Failure::usage(match error {
        Error::MissingValue { option: Some(option) } => format!("il manque la valeur de l'option {option}"),
        Error::UnexpectedOption(option) => format!("option inconnue : {}", option.escape_debug()),
        Error::UnexpectedArgument(argument) => {
            format!("argument inattendu : « {} »", shown(&argument))
        }
        Error::UnexpectedValue { option, value } => {
            format!("l'option {option} ne prend pas de valeur (« {} »)", shown(&value))
        }
        Error::NonUnicodeValue(value) => format!("argument qui n'est pas du texte UTF-8 : « {} »", shown(&value)),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program = Program {
        name: "essai",
        about: "Un essai.",
        options: &[
            Opt { name: "periode", value: Some("SECONDES"), help: "l'intervalle" },
            Opt { name: "simulate", value: None, help: "simule le capteur" },
        ],
    };

    fn read(arguments: &[&str], variable: Option<&str>) -> Result<Args, String> {
        read_os(arguments.iter().map(OsString::from).collect(), variable.map(OsString::from))
    }

    fn read_os(arguments: Vec<OsString>, variable: Option<OsString>) -> Result<Args, String> {
        match parse(&PROGRAM, arguments, variable) {
            Ok(Request::Run(args)) => Ok(args),
            Ok(Request::Help) => Err("help".to_owned()),
            Err(failure) => {
                assert_eq!(failure.exit_code(), 2);
                Err(failure.to_string())
            }
        }
    }

    /// What the command line `arguments` is refused with.
    fn refused(arguments: &[&str]) -> String {
        match read(arguments, None) {
            Err(text) => text,
            Ok(_) => panic!("{arguments:?} was accepted"),
        }
    }

    fn broker(arguments: &[&str], variable: Option<&str>) -> Option<String> {
        read(arguments, variable).ok()?.broker().map(ToString::to_string)
    }

    #[test]
    fn options_are_found() -> Result<(), String> {
        let args = read(&["--simulate", "--periode", "0.5", "--broker=pi.lan"], None)?;
        assert!(args.flag("simulate"));
        assert!(!args.flag("hardware"));
        assert_eq!(args.value("periode"), Some("0.5"));
        assert_eq!(args.broker().map(ToString::to_string).as_deref(), Some("pi.lan:1883"));
        Ok(())
    }

    #[test]
    fn nothing_given() -> Result<(), String> {
        let args = read(&[], None)?;
        assert_eq!(args.broker(), None);
        assert_eq!(args.value("periode"), None);
        Ok(())
    }

    #[test]
    fn the_option_wins_over_the_variable() {
        assert_eq!(broker(&["--broker", "a:1"], Some("b:2")).as_deref(), Some("a:1"));
        assert_eq!(broker(&[], Some("b:2")).as_deref(), Some("b:2"));
        assert_eq!(broker(&[], Some("")), None);
        assert!(read(&[], Some("b:0")).err().is_some_and(|text| text.starts_with("MQTT_BROKER : ")));
    }

    #[test]
    fn help_wins() {
        assert_eq!(refused(&["-h"]), "help");
        assert_eq!(refused(&["--simulate", "--help"]), "help");
        let text = help(&PROGRAM);
        assert!(text.contains("--periode SECONDES    l'intervalle\n"), "{text}");
        assert!(text.contains("  -h, --help            affiche cette aide\n"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_said_in_french() {
        assert_eq!(refused(&["--borker", "x"]), "option inconnue : --borker");
        assert_eq!(refused(&["-x"]), "option inconnue : -x");
        assert_eq!(refused(&["allo"]), "argument inattendu : « allo »");
        assert_eq!(refused(&["--broker"]), "il manque la valeur de l'option --broker");
        assert_eq!(refused(&["--simulate=oui"]), "l'option --simulate ne prend pas de valeur (« oui »)");
        assert!(refused(&["--broker", "pi:99999"]).contains("de 1 à 65535"));
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        use std::os::unix::ffi::OsStringExt;

        let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        for arguments in [
            vec![bytes(b"\xff")],
            vec![bytes(b"--\xff")],
            vec![bytes(b"-\xff")],
            vec![bytes(b"--broker"), bytes(b"\xff")],
            vec![bytes(b"--periode=\xff")],
        ] {
            assert!(read_os(arguments, None).is_err());
        }
        assert!(read_os(vec![], Some(bytes(b"\xff"))).is_err());
    }

    #[test]
    fn seconds() -> Result<(), String> {
        let default = Duration::from_secs(10);
        let read_seconds = |text: &str| {
            read(&["--periode", text], None)?.seconds("periode", default).map_err(|failure| failure.to_string())
        };
        assert_eq!(read(&[], None)?.seconds("periode", default).ok(), Some(default));
        assert_eq!(read_seconds("2")?, Duration::from_secs(2));
        assert_eq!(read_seconds("0.25")?, Duration::from_millis(250));
        assert_eq!(read_seconds("0,25")?, Duration::from_millis(250));
        for bad in ["0", "-1", "dix", "", "NaN", "inf", "1e99", "0.0001"] {
            assert!(read_seconds(bad).is_err_and(|text| text.contains("nombre de secondes")), "{bad}");
        }
        Ok(())
    }

    #[test]
    fn addresses() {
        let parse =
            |text| Address::parse(text).map(|address| (address.host.clone(), address.port, address.to_string()));
        let expected = |host: &str, port, shown: &str| Ok((host.to_owned(), port, shown.to_owned()));
        assert_eq!(parse("pi.lan"), expected("pi.lan", 1883, "pi.lan:1883"));
        assert_eq!(parse("pi.lan:8883"), expected("pi.lan", 8883, "pi.lan:8883"));
        assert_eq!(parse("10.10.10.23:1884"), expected("10.10.10.23", 1884, "10.10.10.23:1884"));
        assert_eq!(parse("[::1]:1884"), expected("::1", 1884, "[::1]:1884"));
        assert_eq!(parse("[::1]"), expected("::1", 1883, "[::1]:1883"));
        assert_eq!(parse("fe80::1"), expected("fe80::1", 1883, "[fe80::1]:1883"));
        assert_eq!(parse("[fe80::1%wlan0]:1"), expected("fe80::1%wlan0", 1, "[fe80::1%wlan0]:1"));
        assert_eq!(parse("pi:65535"), expected("pi", 65535, "pi:65535"));
        for bad in [
            "",
            ":1883",
            "pi:",
            "pi:0",
            "pi:65536",
            "pi:+1",
            "pi:-1",
            "pi:abc",
            "pi:1:2",
            "a b",
            "[::1",
            "[::1]1883",
            "[pi]:1883",
            "[]",
            "mqtt://pi",
            "pi/1",
            "a\0b",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
