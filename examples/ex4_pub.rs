//! Exercice 4, première partie : publie chaque 10 secondes la luminosité, un pourcentage entier, dans `/ex4/NOM_HOTE`.
//!
//! La photorésistance se lit par un ADS1115 ; le branchement est dessiné dans `docs/materiel.md`. Sans Pi, ou avec
//! `--simulate`, le capteur est simulé, et chaque nom a sa propre lumière.
//!
//! Dans un premier terminal :
//! ```text
//! $ cargo run --example ex4_pub -- --nom denis
//! Connecté
//! ```
//! Dans un second, pour voir les valeurs (ou `cargo run --example ex4_sub` pour leur résumé) :
//! ```text
//! $ mosquitto_sub -v -t '/ex4/+'
//! /ex4/denis 61
//! /ex4/denis 64
//! ```
//! La première valeur part tout de suite. Pendant une panne du réseau, les valeurs sont perdues et le programme le dit : une
//! vieille luminosité n'intéresse plus personne, d'où QoS 0.

mod common;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use rappel as pmc;

use common::cadence::next_tick;
use common::cli::{Args, Opt, Program};
use common::hardware;
use common::luminosity::PREFIX;
use common::report::{self, Failure, Outcome};

const PERIODE: Duration = Duration::from_secs(10);

const PROGRAMME: Program = Program {
    name: "ex4_pub",
    about: "Publie à intervalles réguliers la luminosité (0 à 100) dans la rubrique « /ex4/NOM_HOTE ».",
    options: &[
        Opt { name: "periode", value: Some("SECONDES"), help: "le temps entre deux valeurs (10)" },
        Opt { name: "nom", value: Some("NOM_HOTE"), help: "le nom à la place de celui de cette machine" },
        hardware::SIMULATE,
        hardware::HARDWARE,
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

/// Le nom du Pi : un seul niveau de la rubrique.
fn nom_hote(args: &Args) -> Outcome<String> {
    let nom = args.value("nom").map_or_else(common::machine::host_name, str::to_owned);
    if nom.is_empty() || nom.contains(['/', '+', '#', '\0']) {
        return Err(Failure::usage(format!("« {nom} » ne convient pas comme nom : il en faut un, sans / ni + ni #")));
    }
    Ok(nom)
}

fn ex4_pub(args: &Args) -> Outcome {
    let periode = args.seconds("periode", PERIODE)?;
    let nom = nom_hote(args)?;
    let mut capteur = hardware::light(args, &nom)?;
    let broker = common::broker::choose(args)?;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.connect(broker.host(), broker.port())?;
    client.loop_start()?;

    let rubrique = format!("{PREFIX}{nom}");
    let debut = Instant::now();
    loop {
        let luminosite = capteur.percent()?;
        report::show(client.publish(&rubrique, luminosite, 0));
        // Le prochain moment se compte depuis le début : les retards ne s'additionnent pas.
        let maintenant = Instant::now();
        thread::sleep(next_tick(debut, periode, maintenant) - maintenant);
    }
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, ex4_pub)
}
