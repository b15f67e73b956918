//! Exercice 4, première partie : publie chaque 10 secondes la luminosité, un pourcentage entier, dans `/ex4/NOM_HOTE`.
//!
//! La photorésistance se lit par un ADS1115, branché comme sur le dessin de `docs/cours/cablage.md`. Sans Pi, ou avec
//! `--simulate`, le capteur est simulé, et chaque nom a sa propre lumière.
//!
//! Dans un premier terminal :
//! ```text
//! $ cargo run --example ex4_pub -- --nom denis
//! Connecté
//! ```
//! Dans un second, pour voir les valeurs (`sudo apt install mosquitto-clients`), ou `cargo run --example ex4_sub` pour leur
//! résumé :
//! ```text
//! $ mosquitto_sub -v -t '/ex4/+'
//! /ex4/denis 61
//! /ex4/denis 64
//! ```

mod common; // harnais

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use ads1x1x::{Ads1x1x, FullScaleRange, TargetAddr, channel};
use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const PERIODE: Duration = Duration::from_secs(10);

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

/// Un pas du convertisseur vaut 125 µV, et la pleine lumière donne les 3,3 V de l'alimentation.
pub fn pourcentage(pas: i16) -> u8 {
    let volts = f64::from(pas) * 125e-6;
    (volts / 3.3 * 100.0).round().clamp(0.0, 100.0) as u8
}

/// Attend la fin d'une mesure : elle dure 8 ms, et 100 sont déjà une panne.
pub fn mesure<E: Error + 'static>(
    mut lire: impl FnMut() -> nb::Result<i16, ads1x1x::Error<E>>,
) -> Result<i16, Box<dyn Error>> {
    for _ in 0..100 {
        match lire() {
            Ok(pas) => return Ok(pas),
            Err(nb::Error::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            Err(nb::Error::Other(erreur)) => return Err(panne(erreur)),
        }
    }
    Err("l'ADS1115 répond, mais ne termine pas sa mesure : coupez puis rétablissez son alimentation".into())
}

/// Ce que le pilote de l'ADS1115 a rencontré, comme une erreur ordinaire.
fn panne<E: Error + 'static>(erreur: ads1x1x::Error<E>) -> Box<dyn Error> {
    match erreur {
        ads1x1x::Error::I2C(erreur) => erreur.into(),
        ads1x1x::Error::InvalidInputData => "réglage refusé par le pilote de l'ADS1115".into(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (bus, nom_hote, periode) = common::capteur("/dev/i2c-1", PERIODE)?; // harnais ; chez vous : let (bus, nom_hote, periode) = (linux_embedded_hal::I2cdev::new("/dev/i2c-1")?, "denis", PERIODE);
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let mut capteur = Ads1x1x::new_ads1115(bus, TargetAddr::default());
    capteur.set_full_scale_range(FullScaleRange::Within4_096V).map_err(panne)?;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.connect(broker, port)?;
    client.loop_start()?;

    let topic = format!("/ex4/{nom_hote}");
    let debut = Instant::now();
    for tour in 1.. {
        let luminosite = pourcentage(mesure(|| capteur.read(channel::SingleA0))?);
        // QoS 0 : pendant une panne du réseau les valeurs sont perdues, car une vieille luminosité n'intéresse plus personne.
        if let Err(erreur) = client.publish(&topic, luminosite, 0) {
            eprintln!("{erreur}");
        }
        // Le prochain moment se compte depuis le début : les retards ne s'additionnent pas.
        thread::sleep((debut + periode * tour).saturating_duration_since(Instant::now()));
    }
    Ok(())
}
