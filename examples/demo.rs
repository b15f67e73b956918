//! Démonstration de l'exercice 4 : un broker, trois Pi simulés sous des lumières différentes, et l'affichage de `ex4_sub`.
//!
//! ```text
//! $ cargo run --example demo
//! Max: Equipe 3 (72)
//! Moy: 34.20
//! -------------
//! ```
//! Le programme démarre son propre Mosquitto sur un port libre de cette machine, affiche quelques blocs comme celui-ci (les
//! valeurs varient), arrête tout et se termine de lui-même.

mod common;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rappel as pmc;

use common::broker::{self, Mosquitto};
use common::cadence::next_tick;
use common::cli::{Args, Program};
use common::light;
use common::luminosity::{Luminosity, PREFIX};
use common::report::{self, Failure, Outcome};

const BROKER: &str = "127.0.0.1";
const PIS: [&str; 3] = ["denis", "WuJitsu", "Equipe 3"];
const PERIODE: Duration = Duration::from_millis(700);
const BLOCS: usize = 5;
/// Sur une machine très occupée, la première valeur peut tarder.
const PATIENCE: Duration = Duration::from_secs(10);

const PROGRAMME: Program = Program {
    name: "demo",
    about: "Trois Pi simulés publient leur luminosité et un abonné affiche le maximum et la moyenne, quelques fois.\n\
            La démonstration démarre toujours son propre broker, sur un port libre de cette machine : ni --broker ni\n\
            MQTT_BROKER n'y changent rien.",
    options: &[],
};

type Valeurs = Mutex<Luminosity>;

/// L'abonné, comme dans `ex4_sub`. Il est abonné pour de bon quand cette fonction rend la main.
fn abonne(port: u16) -> Outcome<pmc::Client<Valeurs>> {
    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2)
        .userdata(Mutex::new(Luminosity::new(PERIODE)))
        .build()?;
    client.on_message(|_client, valeurs: &Valeurs, msg| {
        if let Ok(mut valeurs) = valeurs.lock() {
            valeurs.receive(&msg.topic, &msg.payload, Instant::now());
        }
    });
    let (envoi, abonnement) = mpsc::channel();
    client.on_subscribe(move |_client, _userdata, _mid, _codes, _properties| {
        // Après un réabonnement, plus personne n'écoute.
        let _ = envoi.send(());
    });
    client.connect(BROKER, port)?;
    client.subscribe(format!("{PREFIX}+"), 0)?;
    client.loop_start()?;
    abonnement.recv_timeout(PATIENCE).map_err(|_| Failure::new("le broker ne confirme pas l'abonnement"))?;
    Ok(client)
}

/// Un Pi simulé, comme dans `ex4_pub`, jusqu'à la fin de la démonstration.
fn pi_simule(nom: &str, port: u16, fini: &AtomicBool) -> Outcome {
    let mut capteur = light::simulated(nom)?;
    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.connect(BROKER, port)?;
    client.loop_start()?;

    let rubrique = format!("{PREFIX}{nom}");
    let debut = Instant::now();
    while !fini.load(Ordering::Relaxed) {
        client.publish(&rubrique, capteur.percent()?, 0)?;
        let maintenant = Instant::now();
        thread::sleep(next_tick(debut, PERIODE, maintenant) - maintenant);
    }
    client.disconnect()?;
    Ok(())
}

/// Affiche les blocs, un par période à partir de la première valeur.
fn affichage(client: &pmc::Client<Valeurs>) -> Outcome {
    let valeurs = client.user_data_get();
    let debut = Instant::now();
    let mut affiches = 0;
    while affiches < BLOCS {
        let maintenant = Instant::now();
        thread::sleep(next_tick(debut, PERIODE, maintenant) - maintenant);
        match valeurs.lock().ok().and_then(|valeurs| valeurs.summary(Instant::now())) {
            Some(resume) => {
                // `println!` paniquerait si plus personne ne lit (`| head`), et les Pi ne s'arrêteraient pas.
                writeln!(io::stdout(), "{resume}")?;
                affiches += 1;
            }
            None if debut.elapsed() > PATIENCE => {
                return Err(Failure::new("aucune valeur n'est arrivée"));
            }
            None => {}
        }
    }
    Ok(())
}

fn demo(_args: &Args) -> Outcome {
    let mosquitto = Mosquitto::start(broker::free_port()?)?;
    let port = mosquitto.port();
    eprintln!("(mosquitto sur {BROKER}:{port} ; {} Pi simulés : {})", PIS.len(), PIS.join(", "));

    let client = abonne(port)?;
    let fini = AtomicBool::new(false);
    thread::scope(|fils| {
        let pis = PIS.map(|nom| fils.spawn(|| pi_simule(nom, port, &fini)));
        let affichage = affichage(&client);
        fini.store(true, Ordering::Relaxed);
        for pi in pis {
            pi.join().map_err(|_| Failure::new("un Pi simulé s'est arrêté par une erreur du programme"))??;
        }
        affichage
    })?;
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    report::run(&PROGRAMME, demo)
}
