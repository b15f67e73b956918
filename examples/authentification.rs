//! Authentification : donne un nom d'utilisateur et un mot de passe au broker avant de publier.
//!
//! ```text
//! $ cargo run --example authentification
//! Connecté
//! $ cargo run --example authentification -- --mot-de-passe faux
//! Erreur code 135
//! ```
//! Le broker que l'exemple démarre lui-même connaît `alice` (mot de passe `abc-123`) et refuse un mauvais mot de passe.
//! Pour le vôtre, ajoutez l'utilisateur à un fichier avec `sudo mosquitto_passwd -c /etc/mosquitto/passwd alice`, et
//! nommez ce fichier dans la configuration : `password_file /etc/mosquitto/passwd`.
//!
//! `--broker HOTE[:PORT]` choisit le broker ; `--help` dit ce qui se passe sans lui.

mod common;

use std::process::ExitCode;

use rappel as pmc;

use common::cli::{Args, Opt, Program};
use common::report::{self, Outcome};

const TOPIC: &str = "test";

const PROGRAMME: Program = Program {
    name: "authentification",
    about: "S'authentifie auprès du broker, publie « allo » dans la rubrique « test », puis se déconnecte.",
    options: &[
        Opt { name: "utilisateur", value: Some("NOM"), help: "le nom d'utilisateur (alice)" },
        Opt { name: "mot-de-passe", value: Some("TEXTE"), help: "le mot de passe (abc-123)" },
    ],
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

fn authentification(args: &Args) -> Outcome {
    let broker = common::broker::choose(args)?;
    let utilisateur = args.value("utilisateur").unwrap_or("alice");
    let mot_de_passe = args.value("mot-de-passe").unwrap_or("abc-123");

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);

    client.username_pw_set(utilisateur, mot_de_passe);
    client.connect(broker.host(), broker.port())?;
    client.publish(TOPIC, "allo", 0)?;
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, authentification)
}
