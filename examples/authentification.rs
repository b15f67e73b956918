//! Authentification : donne un nom d'utilisateur et un mot de passe au broker avant de publier.
//!
//! ```text
//! $ cargo run --example authentification
//! Connecté
//! $ cargo run --example authentification -- --mot-de-passe faux
//! Erreur code 135
//! ```
//! Le broker doit connaître `alice` et son mot de passe `abc-123` : celui que l'exemple démarre lui-même les connaît. La
//! page `docs/cours/mosquitto.md` montre comment les donner au vôtre.

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
    let (nom, mot_de_passe) = common::compte("alice", "abc-123"); // harnais ; chez vous : let (nom, mot_de_passe) = ("alice", "abc-123");

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_connect(connexion);

    client.username_pw_set(nom, mot_de_passe);
    client.connect(broker, port)?;
    client.publish(TOPIC, "allo", 0)?;
    client.disconnect()
}
