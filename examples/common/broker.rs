//! Which broker a program speaks to.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rappel as pmc;

use super::machine::BROKER;
use super::mosquitto::{Lock, Mosquitto};
use super::{chart, start};

/// The name that stands on the course's page: a stand-in, as long as nobody says which broker is meant.
const PAGE: (&str, u16) = ("mqttbroker.lan", 1883);

/// Where a broker is started.
const HOST: &str = "127.0.0.1";

/// The port of this machine where a broker is looked for and started, and the one for programs that need a broker that
/// checks passwords when the first one does not.
const PORTS: [u16; 2] = [1883, 1884];

const STARTED: &str = "il s'arrêtera avec le dernier programme qui l'utilise";

/// How long a broker on this machine may take to answer one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What must live as long as the program: the lease, and the Mosquitto started for it. The system ends both with it.
static KEPT: Mutex<Vec<(Lock, Option<Mosquitto>)>> = Mutex::new(Vec::new());

/// Chooses the broker, says which one in a line on stderr, and remembers it for [`super::Adresse`].
pub fn choose(host: &'static str, port: u16) -> pmc::Result<(&'static str, u16)> {
    let options = start::options();
    let chosen = match &options.broker {
        Some((host, port)) => said(host, *port),
        None if (host, port) != PAGE => said(host, port),
        None => local(options.program.name)?,
    };
    let _ = BROKER.set(chosen);
    chart::instead(options, chosen);
    Ok(chosen)
}

/// The broker of this machine. Programs that look for one at the same moment take turns, so that one of them starts it
/// and the others find it.
fn local(program: &str) -> pmc::Result<(&'static str, u16)> {
    // What these teach cannot be seen when any password will do.
    let needs_passwords = ["authentification", "ex5"].contains(&program);
    let _turn = Lock::turn();
    let (mut open, mut why) = (None, String::new());
    for port in PORTS.into_iter().take(if needs_passwords { 2 } else { 1 }) {
        // First the lease: from here on a broker that answers does not end before this program.
        let lease = Lock::lease(port);
        let (host, own, what) = match answering(port) {
            Some(host) if needs_passwords && !checks_passwords(host, port) => {
                let open_one = shown(host, port);
                eprintln!("({open_one} accepte n'importe quel mot de passe : il faut un autre broker)");
                open = open.or(Some((host, port)));
                continue;
            }
            Some(host) => (host, None, format!("{}, déjà en marche", shown(host, port))),
            None => match Mosquitto::start(port, Some(&lease)) {
                Ok(own) => (HOST, Some(own), format!("mosquitto démarré sur {HOST}:{port}, {STARTED}")),
                Err(fault) => {
                    why = fault.0;
                    continue;
                }
            },
        };
        eprintln!("(broker : {what})");
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).push((lease, own));
        return Ok((host, port));
    }
    if let Some((host, port)) = open {
        eprintln!("(broker : {} quand même : {why})", shown(host, port));
        return Ok((host, port));
    }
    // The kind decides what the error advises.
    let kind = match TcpStream::connect((HOST, PORTS[0])) {
        Ok(_) => io::ErrorKind::ConnectionReset,
        Err(error) => error.kind(),
    };
    let cause = Arc::new(io::Error::new(kind, format!("aucun broker n'y répond, et {why}")));
    Err(pmc::Error::Unreachable { host: HOST.to_owned(), port: PORTS[0], cause })
}

/// Says which broker was asked for, as it is written on a command line.
fn said(host: &'static str, port: u16) -> (&'static str, u16) {
    eprintln!("(broker : {})", shown(host, port));
    (host, port)
}

/// A broker as it is written on a command line.
pub fn shown(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The address of this machine, as numbers, where a broker answers. "localhost" would leave open which one.
fn answering(port: u16) -> Option<&'static str> {
    let loopbacks: [(IpAddr, &str); 2] = [(Ipv4Addr::LOCALHOST.into(), HOST), (Ipv6Addr::LOCALHOST.into(), "::1")];
    loopbacks.into_iter().find(|(ip, _)| ask((*ip, port).into(), None).is_ok()).map(|(_, host)| host)
}

/// Whether it refuses a login that nobody has.
fn checks_passwords(host: &str, port: u16) -> bool {
    let login = Some(("rappel", "un mot de passe que personne n'a"));
    let answer = host.parse().ok().and_then(|ip: IpAddr| ask((ip, port).into(), login).ok());
    // The second byte of a CONNACK's body is the reason code; 0 is "Success".
    answer.and_then(|connack| connack.get(1).copied()).is_some_and(|code| code != 0)
}

/// Connects as an MQTT 5 client without a name and returns the body of the CONNACK. A broker that refuses, or that knows
/// only MQTT 3.1.1, is a broker all the same.
pub fn ask(address: SocketAddr, login: Option<(&str, &str)>) -> io::Result<Vec<u8>> {
    const CONNACK: u8 = 0x20;
    const DISCONNECT: &[u8] = b"\xe0\x00";

    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(&connect_packet(login))?;
    let mut header = [0; 2];
    stream.read_exact(&mut header)?;
    // A CONNACK of 128 bytes or more has a longer header; its body is then not read to its end, which does no harm.
    let [CONNACK, length] = header else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut body = vec![0; usize::from(length)];
    stream.read_exact(&mut body)?;
    // A broker that has refused may have closed already.
    let _ = stream.write_all(DISCONNECT);
    Ok(body)
}

/// Protocol "MQTT" 5, clean start, keep-alive 10 s, no properties, empty client id, and the login.
fn connect_packet(login: Option<(&str, &str)>) -> Vec<u8> {
    let flags = if login.is_some() { 0xc2 } else { 0x02 };
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 5, flags, 0, 10, 0, 0, 0];
    for text in login.iter().flat_map(|(user, password)| [user, password]) {
        body.extend([0, u8::try_from(text.len()).unwrap_or(0)]);
        body.extend(text.bytes());
    }
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap_or(0)];
    packet.extend(body);
    packet
}
