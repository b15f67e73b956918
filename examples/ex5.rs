//! Exercice 5 : s'authentifie, publie avec QoS 2 dans la rubrique « exercice5 » à chaque pression du bouton, et affiche
//! « Message envoyé » quand la livraison est confirmée.
//!
//! Le broker doit connaître l'utilisateur `info` et son mot de passe `Password1234` : `docs/cours/mosquitto.md` montre
//! comment le configurer. Celui que les exemples démarrent eux-mêmes le connaît déjà. Le bouton est celui de l'exercice 2 ;
//! la touche Entrée le remplace sans Pi, ou avec `--simulate`.
//!
//! Dans un premier terminal, ce programme et deux pressions :
//! ```text
//! $ cargo run --example ex5
//! Message envoyé
//! Message envoyé
//! ```
//! Dans un second, ouvert avant ces pressions, ce qui arrive (`sudo apt install mosquitto-clients`) ; si le programme dit
//! avoir démarré son broker sur le port 1884, ajoutez `-p 1884` :
//! ```text
//! $ mosquitto_sub -u info -P Password1234 -q 2 -t exercice5
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
const TOPIC: &str = "exercice5";
const BTN: u8 = 26;
/// Plus long que les rebonds d'un bouton, plus court qu'une pression : chaque pression est lue, et une seule fois.
const ENTRE_DEUX_LECTURES: Duration = Duration::from_millis(20);

fn publication(_client: &pmc::Client, _userdata: &(), _mid: u16, code: pmc::ReasonCode, _properties: &pmc::Properties) {
    if code.is_failure() {
        println!("Erreur code {}", code.value());
    } else {
        println!("Message envoyé");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let bouton = common::bouton(BTN)?; // harnais ; chez vous : let bouton = rppal::gpio::Gpio::new()?.get(BTN)?.into_input_pullup();
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_publish(publication);
    client.username_pw_set("info", "Password1234");
    client.connect(broker, port)?;
    client.loop_start()?;

    let mut enfonce = false;
    loop {
        let lu = bouton.is_low();
        if lu != enfonce {
            enfonce = lu;
            if enfonce {
                client.publish(TOPIC, "clic", 2)?;
            }
        }
        thread::sleep(ENTRE_DEUX_LECTURES);
    }
}
