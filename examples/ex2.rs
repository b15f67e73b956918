//! Exercice 2 : publie « clic » dans la rubrique « exercice2 » à chaque pression d'un bouton poussoir.
//!
//! Le bouton relie BCM 26 (broche 37) à GND (broche 39), comme sur le dessin de `docs/cours/cablage.md`. Sans Pi, ou avec
//! `--simulate`, la touche Entrée le remplace.
//!
//! Dans un premier terminal :
//! ```text
//! $ cargo run --example ex2
//! Connecté
//! ```
//! Dans un second, pour voir les clics (`sudo apt install mosquitto-clients`), puis deux pressions :
//! ```text
//! $ mosquitto_sub -t exercice2
//! clic
//! clic
//! ```

mod common; // harnais

use std::error::Error;
use std::thread;
use std::time::Duration;

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "exercice2";
const BTN: u8 = 26;
/// Plus long que les rebonds d'un bouton, plus court qu'une pression : chaque pression est lue, et une seule fois.
const ENTRE_DEUX_LECTURES: Duration = Duration::from_millis(20);

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

fn main() -> Result<(), Box<dyn Error>> {
    let bouton = common::bouton(BTN)?; // harnais ; chez vous : let bouton = rppal::gpio::Gpio::new()?.get(BTN)?.into_input_pullup();
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.connect(broker, port)?;
    client.loop_start()?;

    let mut enfonce = false;
    loop {
        let lu = bouton.is_low();
        if lu != enfonce {
            enfonce = lu;
            if enfonce {
                // QoS 1 : un clic fait pendant une panne du réseau attend son retour. Avec QoS 0 ce serait une erreur.
                client.publish(TOPIC, "clic", 1)?;
            }
        }
        thread::sleep(ENTRE_DEUX_LECTURES);
    }
}
