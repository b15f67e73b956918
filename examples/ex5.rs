//! Exercice 5 : s'authentifie, publie avec QoS 2 dans la rubrique « exercice5 » à chaque pression du bouton, et affiche
//! « Message envoyé » quand la livraison est confirmée.
//!
//! Le broker doit connaître l'utilisateur `info` et son mot de passe `Password1234` : `docs/broker.md` montre comment le
//! configurer. Celui que les exemples démarrent eux-mêmes le connaît déjà. Le bouton est celui de l'exercice 2 ; la touche
//! Entrée le remplace sans Pi, ou avec `--simulate`.
//!
//! Dans un premier terminal, pour voir les messages :
//! ```text
//! $ mosquitto_sub -u info -P Password1234 -q 2 -t exercice5
//! clic
//! clic
//! ```
//! Dans un second, ce programme et deux pressions :
//! ```text
//! $ cargo run --example ex5
//! Message envoyé
//! Message envoyé
//! ```
//! Avec `--mot-de-passe faux`, le programme dit pourquoi le broker le refuse et se termine avec le code 1. Ctrl-C (ou la fin
//! de l'entrée) le termine aussi, une fois les derniers messages confirmés.

mod common;

use std::process::ExitCode;

use rappel as pmc;

use common::cli::{Args, Opt, Program};
use common::hardware;
use common::report::{self, Outcome};

const TOPIC: &str = "exercice5";

const PROGRAMME: Program = Program {
    name: "ex5",
    about: "Publie avec QoS 2 dans la rubrique « exercice5 » à chaque pression du bouton (BCM 26).",
    options: &[
        Opt { name: "utilisateur", value: Some("NOM"), help: "le nom d'utilisateur (info)" },
        Opt { name: "mot-de-passe", value: Some("TEXTE"), help: "le mot de passe (Password1234)" },
        hardware::SIMULATE,
        hardware::HARDWARE,
    ],
};

fn publication(_client: &pmc::Client, _userdata: &(), _mid: u16, code: pmc::ReasonCode, _properties: &pmc::Properties) {
    if code.is_failure() {
        println!("Erreur code {}", code.value());
    } else {
        println!("Message envoyé");
    }
}

fn ex5(args: &Args) -> Outcome {
    let arret = common::stop::on_ctrl_c()?;
    let mut bouton = hardware::button(args)?;
    let broker = common::broker::choose(args)?;
    let utilisateur = args.value("utilisateur").unwrap_or("info");
    let mot_de_passe = args.value("mot-de-passe").unwrap_or("Password1234");

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_publish(publication);
    client.username_pw_set(utilisateur, mot_de_passe);
    client.connect(broker.host(), broker.port())?;
    client.loop_start()?;

    for pression in bouton.presses(&arret) {
        pression?;
        client.publish(TOPIC, "clic", 2)?;
    }

    // `disconnect` attend les dernières confirmations, et donc leurs « Message envoyé ».
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, ex5)
}
