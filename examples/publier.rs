//! Publier un message : se connecte au broker, publie « allo » dans la rubrique « test » et se déconnecte.
//!
//! Dans un premier terminal, un programme qui reçoit :
//! ```text
//! $ cargo run --example recevoir
//! Connecté
//! Reçu: allo
//! ```
//! Dans un second, celui-ci :
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
        name: "publier", about: "Publie « allo » dans la rubrique « test », puis se déconnecte.", options: &[]
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

fn publier(args: &Args) -> Outcome {
    let broker = common::broker::choose(args)?;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);

    client.connect(broker.host(), broker.port())?;
    client.publish(TOPIC, "allo", 0)?;
    // Aucune boucle ne tourne : c'est pendant `disconnect` que `connexion` est appelée.
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, publier)
}
