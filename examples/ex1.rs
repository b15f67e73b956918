//! Exercice 1 : publie « 10.10.10.X connecté » dans la rubrique « exercice1 », et affiche ce qui y arrive. Ctrl-C l'arrête.
//!
//! ```text
//! $ cargo run --example ex1 -- --broker mqttbroker.lan
//! Connecté
//! Reçu: 10.10.10.23 connecté
//! Reçu: 10.10.10.42 connecté
//! ```
//! L'adresse est celle par laquelle cette machine joint le broker, et la dernière ligne vient d'un autre Pi qui démarre le
//! même programme. Avec une seule machine, ouvrez deux terminaux et démarrez-le dans chacun, sans `--broker` : comme elle
//! n'a alors qu'une adresse pour les deux, chacun se présente par le nom de la machine et son propre numéro.

mod common; // harnais

use std::error::Error;

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "exercice1";
const ADRESSE: common::Adresse = common::Adresse; // harnais ; chez vous : const ADRESSE: &str = "10.10.10.23";

fn connexion(
    client: &pmc::Client,
    _userdata: &(),
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) -> Result<(), Box<dyn Error>> {
    if code == 0 {
        println!("Connecté");
        // L'abonnement est ici, avant l'annonce, et non après `connect` : à chaque connexion, même après une panne du
        // réseau, le programme s'entend lui-même.
        client.subscribe(TOPIC, 0)?;
        client.publish(TOPIC, format!("{ADRESSE} connecté"), 0)?;
    } else {
        println!("Erreur code {}", code.value());
    }
    Ok(())
}

fn reception_msg(_cl: &pmc::Client, _userdata: &(), msg: &pmc::Message) {
    println!("Reçu: {}", msg.payload_str());
}

fn main() -> pmc::Result<()> {
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.connect(broker, port)?;
    client.loop_forever()
}
