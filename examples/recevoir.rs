//! Recevoir des messages : s'abonne à la rubrique « test » et affiche tout ce qui y arrive. Ctrl-C l'arrête.
//!
//! Dans un premier terminal, ce programme :
//! ```text
//! $ cargo run --example recevoir
//! Connecté
//! Reçu: allo
//! ```
//! Dans un second, pour lui envoyer un message :
//! ```text
//! $ cargo run --example publier
//! Connecté
//! ```
//! `--broker HOTE[:PORT]` choisit le broker ; `--help` dit ce qui se passe sans lui.

mod common;

use std::process::ExitCode;

use rappel as pmc;

use common::cli::{Args, Program};
use common::report::{self, Outcome};

const TOPIC: &str = "test";

const PROGRAMME: Program =
    Program {
        name: "recevoir", about: "Affiche les messages de la rubrique « test », jusqu'à Ctrl-C.", options: &[]
    };

fn connexion(
    _client: &pmc::Client,
    _userdata: &(),
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) {
    if code == 0 {
        println!("Connecté");
    } else {
        println!("Erreur code {}", code.value());
    }
}

fn reception_msg(_cl: &pmc::Client, _userdata: &(), msg: &pmc::Message) {
    println!("Reçu: {}", msg.payload_str());
}

fn recevoir(args: &Args) -> Outcome {
    let broker = common::broker::choose(args)?;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.connect(broker.host(), broker.port())?;
    client.subscribe(TOPIC, 0)?;
    client.loop_forever()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, recevoir)
}
