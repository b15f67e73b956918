//! Exercice 2 : publie « clic » dans la rubrique « exercice2 » à chaque pression d'un bouton poussoir.
//!
//! Le bouton relie BCM 26 (broche 37) à GND (broche 39) ; le branchement est dessiné dans `docs/materiel.md`. Sans Pi, ou
//! avec `--simulate`, la touche Entrée le remplace.
//!
//! Dans un premier terminal, pour voir les clics :
//! ```text
//! $ mosquitto_sub -t exercice2
//! clic
//! clic
//! ```
//! Dans un second, ce programme et deux pressions :
//! ```text
//! $ cargo run --example ex2
//! Connecté
//! ```
//! Aucune pression ne se perd : un fil d'exécution à part surveille le bouton, et avec QoS 1 les clics faits pendant une
//! panne du réseau partent à son retour. Ctrl-C (ou la fin de l'entrée) termine le programme.

mod common;

use std::process::ExitCode;

use rappel as pmc;

use common::cli::{Args, Program};
use common::hardware;
use common::report::{self, Outcome};

const TOPIC: &str = "exercice2";

const PROGRAMME: Program = Program {
    name: "ex2",
    about: "Publie « clic » dans la rubrique « exercice2 » à chaque pression du bouton (BCM 26).",
    options: &[hardware::SIMULATE, hardware::HARDWARE],
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

fn ex2(args: &Args) -> Outcome {
    let arret = common::stop::on_ctrl_c()?;
    // Le bouton d'abord : les pressions faites pendant la connexion comptent déjà.
    let mut bouton = hardware::button(args)?;
    let broker = common::broker::choose(args)?;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.connect(broker.host(), broker.port())?;
    client.loop_start()?;

    for pression in bouton.presses(&arret) {
        pression?;
        client.publish(TOPIC, "clic", 1)?;
    }

    // `disconnect` attend que les derniers clics soient confirmés.
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, ex2)
}
