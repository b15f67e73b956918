//! Publier un message : se connecte au broker, publie « allo » dans la rubrique « test » et se déconnecte.
//!
//! Dans un premier terminal, un programme qui reçoit :
//! ```text
//! $ cargo run --example recevoir
//! Connecté
//! Reçu: allo
//! ```
//! Dans un second, celui-ci :
//! ```text
//! $ cargo run --example publier
//! Connecté
//! ```

mod common; // harnais

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "test";

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

fn main() -> pmc::Result<()> {
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);

    client.connect(broker, port)?;
    client.publish(TOPIC, "allo", 0)?;
    // Aucune boucle ne tourne : c'est pendant `disconnect` que `connexion` est appelée.
    client.disconnect()
}
