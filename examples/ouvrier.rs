//! Ouvrier : plusieurs ouvriers se partagent les tâches publiées sur `taches` ; chacune est confirmée une fois faite.
//!
//! Il faut un broker en marche : le service de Mosquitto, ou un exemple du cours qui en démarre un, comme `recevoir`.
//! Dans deux terminaux, ou sur deux machines, chacun avec un nom à lui :
//! ```text
//! $ cargo run --example ouvrier -- anne
//! Connecté
//! Fait: 1
//! ```
//! Dans un autre, du travail :
//! ```text
//! $ for n in $(seq 10); do mosquitto_pub -t taches -q 1 -m $n; done
//! ```
//! Les tâches d'un ouvrier tué en plein travail l'attendent chez le broker : il les reçoit quand il revient, sous le même
//! nom, et pendant ce temps les autres continuent. Autre broker : `-- anne mqttbroker.lan 1883`.

use std::env;
use std::error::Error;
use std::process;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use rappel as pmc;

const BROKER: &str = "localhost";
const PORT: &str = "1883";
const NOM: &str = "anne";
/// `$share/GROUPE/FILTRE` : chaque message va à un seul des abonnés du groupe.
const PARTAGE: &str = "$share/atelier/taches";
const AIDE: &str = "Utilisation : cargo run --example ouvrier -- [NOM [BROKER [PORT]]]

Partage avec d'autres ouvriers les tâches publiées sur « taches » et les confirme une à une.
Chaque ouvrier a un nom à lui. Sans arguments : anne localhost 1883.";

type Bureau = Sender<pmc::Message>;

fn connexion(
    client: &pmc::Client<Bureau>,
    _bureau: &Bureau,
    _flags: pmc::ConnectFlags,
    code: pmc::ReasonCode,
    _properties: &pmc::Properties,
) -> Result<(), Box<dyn Error>> {
    if code == 0 {
        println!("Connecté");
        client.subscribe(PARTAGE, 1)?;
    } else {
        println!("Erreur code {code}");
    }
    Ok(())
}

fn reception_msg(_client: &pmc::Client<Bureau>, bureau: &Bureau, msg: &pmc::Message) -> Result<(), Box<dyn Error>> {
    bureau.send(msg.clone())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    pmc::set_language(pmc::Language::French);
    let mut arguments = env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|premier| premier.starts_with('-')) {
        println!("{AIDE}");
        return Ok(());
    }
    let mut argument = |par_defaut: &str| arguments.next().unwrap_or(par_defaut.to_owned());
    let (nom, broker) = (argument(NOM), argument(BROKER));
    let Ok(port) = argument(PORT).parse() else {
        eprintln!("{AIDE}");
        process::exit(2)
    };

    let (bureau, taches) = channel();
    let client = pmc::Client::builder(pmc::CallbackApiVersion::Version2)
        .client_id(format!("ouvrier-{nom}"))
        .clean_session(false)
        .manual_ack(true)
        .userdata(bureau)
        .build()?;
    client.on_connect(connexion);
    client.on_message(reception_msg);

    client.connect(&broker, port)?;
    client.loop_start()?;
    for tache in taches {
        thread::sleep(Duration::from_millis(200)); // le travail
        println!("Fait: {}", tache.payload_str());
        client.ack_message(&tache)?;
    }
    Ok(())
}
