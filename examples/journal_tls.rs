//! Journal : écrit dans un fichier, ligne par ligne, ce qui passe sur `serre/#`, reçu par une connexion chiffrée.
//!
//! ```text
//! $ cargo run --features tls --example journal_tls
//! Connecté
//! serre/temperature: 21.5
//! ```
//! Chaque ligne de `journal.csv` donne l'heure (en secondes depuis 1970), la rubrique et le contenu. Un message n'est
//! confirmé au broker qu'une fois écrit, et ceux qui passent pendant que le programme est arrêté arrivent à son retour.
//!
//! La page `docs/cours/tls.md` montre comment faire les certificats et démarrer le broker. Autre broker, autre
//! autorité, autre fichier : `-- mqttbroker.lan 8883 ca.crt journal.csv`.

use std::env;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process;
use std::time::UNIX_EPOCH;

use rappel as pmc;

const BROKER: &str = "localhost";
const PORT: &str = "8883";
const AUTORITE: &str = "ca.crt";
const FICHIER: &str = "journal.csv";
const TOPIC: &str = "serre/#";
const AIDE: &str =
    "Utilisation : cargo run --features tls --example journal_tls -- [BROKER [PORT [AUTORITE [FICHIER]]]]

Écrit dans FICHIER ce qui passe sur « serre/# », reçu par une connexion chiffrée.
AUTORITE est le certificat auquel se fier. Sans arguments : localhost 8883 ca.crt journal.csv.";

fn connexion(
    client: &pmc::Client<File>,
    _fichier: &File,
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) -> Result<(), Box<dyn Error>> {
    if code == 0 {
        println!("Connecté");
        client.subscribe(TOPIC, 1)?;
    } else {
        println!("Erreur code {code}");
    }
    Ok(())
}

fn reception_msg(_client: &pmc::Client<File>, mut fichier: &File, msg: &pmc::Message) -> Result<(), Box<dyn Error>> {
    let heure = msg.received_at().duration_since(UNIX_EPOCH)?.as_secs();
    let ligne = format!("{heure};{};{}\n", msg.topic, msg.payload_str());
    fichier.write_all(ligne.as_bytes())?;
    println!("{}: {}", msg.topic, msg.payload_str());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    pmc::set_language(pmc::Language::French);
    let mut arguments = env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|premier| premier.starts_with('-')) {
        println!("{AIDE}");
        return Ok(());
    }
    let mut argument = |par_defaut: &str| arguments.next().unwrap_or(par_defaut.to_owned());
    let broker = argument(BROKER);
    let Ok(port) = argument(PORT).parse() else {
        eprintln!("{AIDE}");
        process::exit(2)
    };
    let (autorite, fichier) = (argument(AUTORITE), argument(FICHIER));

    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2)
        .client_id("journal")
        .clean_session(false)
        .userdata(OpenOptions::new().append(true).create(true).open(fichier)?)
        .build()?;
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.tls_set(pmc::TlsOptions::new().ca_certs(autorite))?;
    client.connect(&broker, port)?;
    client.loop_forever()?;
    Ok(())
}
