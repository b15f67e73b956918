//! Démonstration de l'exercice 4 : un broker, trois Pi simulés sous des lumières différentes, et l'affichage de `ex4_sub`.
//!
//! ```text
//! $ cargo run --example demo
//! Max: Equipe 3 (72)
//! Moy: 34.20
//! -------------
//! ```
//! Le programme démarre son propre Mosquitto sur un port libre de cette machine, affiche quelques blocs comme celui-ci (les
//! valeurs varient), arrête tout et se termine de lui-même. Les calculs sont ceux de `ex4_pub.rs` et `ex4_sub.rs`.

mod common;
#[path = "ex4_pub.rs"]
#[allow(clippy::duplicate_mod, dead_code, reason = "an example has its harness with it, and its `main`")]
mod ex4_pub;
#[path = "ex4_sub.rs"]
#[allow(clippy::duplicate_mod, dead_code, reason = "an example has its harness with it, and its `main`")]
mod ex4_sub;

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ads1x1x::{Ads1x1x, FullScaleRange, TargetAddr, channel};
use rappel as pmc;

use common::Fault;
use common::mosquitto::Mosquitto;
use common::pi::{i2c, sky::Sky};

const BROKER: &str = "127.0.0.1";
const PIS: [&str; 3] = ["denis", "WuJitsu", "Equipe 3"];
const PERIODE: Duration = Duration::from_millis(700);
const BLOCS: usize = 5;
/// Sur une machine très occupée, la première valeur peut tarder.
const PATIENCE: Duration = Duration::from_secs(10);

/// L'abonné, comme dans `ex4_sub`. Il est abonné pour de bon quand cette fonction rend la main.
fn abonne(port: u16) -> Result<pmc::Client, Fault> {
    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_message(ex4_sub::reception_msg);
    let (envoi, abonnement) = mpsc::channel();
    client.on_subscribe(move |_client, _userdata, _mid, _codes, _properties| {
        // Après un réabonnement, plus personne n'écoute.
        let _ = envoi.send(());
    });
    client.connect(BROKER, port).map_err(fault)?;
    client.subscribe("/ex4/+", 0).map_err(fault)?;
    client.loop_start().map_err(fault)?;
    abonnement.recv_timeout(PATIENCE).map_err(|_| Fault::new("le broker ne confirme pas l'abonnement"))?;
    Ok(client)
}

/// Un Pi simulé, comme dans `ex4_pub`, jusqu'à la fin de la démonstration.
fn pi_simule(nom: &str, port: u16, fini: &AtomicBool) -> Result<(), Fault> {
    let mut capteur = Ads1x1x::new_ads1115(i2c::simulated(Sky::now(nom)), TargetAddr::default());
    capteur.set_full_scale_range(FullScaleRange::Within4_096V).map_err(|erreur| Fault::new(format!("{erreur:?}")))?;
    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.connect(BROKER, port).map_err(fault)?;
    client.loop_start().map_err(fault)?;

    let debut = Instant::now();
    for tour in 1.. {
        let pas = ex4_pub::mesure(|| capteur.read(channel::SingleA0)).map_err(fault)?;
        client.publish(format!("/ex4/{nom}"), ex4_pub::pourcentage(pas), 0).map_err(fault)?;
        thread::sleep((debut + PERIODE * tour).saturating_duration_since(Instant::now()));
        if fini.load(Ordering::Relaxed) {
            break;
        }
    }
    client.disconnect().map_err(fault)
}

/// Affiche les blocs, un par période à partir de la première valeur.
fn affichage() -> Result<(), Fault> {
    let debut = Instant::now();
    let mut affiches = 0;
    while affiches < BLOCS {
        thread::sleep(PERIODE);
        let valeurs = ex4_sub::VALEURS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match ex4_sub::bloc(&ex4_sub::presents(&valeurs, Instant::now(), PERIODE)) {
            Some(bloc) => {
                println!("{bloc}");
                affiches += 1;
            }
            None if debut.elapsed() > PATIENCE => return Err(Fault::new("aucune valeur n'est arrivée")),
            None => {}
        }
    }
    Ok(())
}

/// Une panne, d'où qu'elle vienne, pour un fil d'exécution qui la rend à un autre.
fn fault(erreur: impl ToString) -> Fault {
    Fault::new(erreur.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    common::start::options();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let _mosquitto = Mosquitto::start(port, None)?;
    eprintln!("(mosquitto sur {BROKER}:{port} ; {} Pi simulés : {})", PIS.len(), PIS.join(", "));

    let client = abonne(port)?;
    let fini = AtomicBool::new(false);
    thread::scope(|fils| {
        let pis = PIS.map(|nom| fils.spawn(|| pi_simule(nom, port, &fini)));
        let affichage = affichage();
        fini.store(true, Ordering::Relaxed);
        for pi in pis {
            pi.join().map_err(|_| Fault::new("un Pi simulé s'est arrêté par une erreur du programme"))??;
        }
        affichage
    })?;
    client.disconnect()?;
    Ok(())
}
