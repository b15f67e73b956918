//! Exercice 4, seconde partie : affiche à intervalles réguliers le Pi qui reçoit le plus de lumière et la moyenne de tous.
//!
//! Dans un premier terminal, et sur autant de Pi qu'on veut (ou avec d'autres `--nom`) :
//! ```text
//! $ cargo run --example ex4_pub
//! ```
//! Dans un second ; avec `-- --graphique`, les mêmes valeurs sont dessinées :
//! ```text
//! $ cargo run --example ex4_sub
//! Max: denis (93)
//! Moy: 60.40
//! -------------
//! ```
//! - Un Pi qui manque sa période compte encore, avec sa dernière valeur ; après trois périodes de silence il ne compte plus.
//! - À égalité, le maximum est celui du premier nom dans l'ordre alphabétique.
//! - Ce qui n'est pas un entier de 0 à 100 est ignoré, avec un avertissement.
//! - Tant qu'aucun Pi ne compte, rien n'est affiché, sauf un conseil sur la sortie d'erreur.

mod common; // harnais

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rappel as pmc;

const BROKER: &str = "mqttbroker.lan";
const PORT: u16 = 1883;
const TOPIC: &str = "/ex4/+";
const PERIODE: Duration = Duration::from_secs(10);
/// Un Pi qui n'a rien envoyé pendant tant de périodes ne compte plus.
const PERIODES_DE_SILENCE: u32 = 3;

/// La dernière valeur de chaque Pi, et le moment de son arrivée.
pub type Valeurs = BTreeMap<String, (u8, Instant)>;

/// Les valeurs reçues : la fonction de rappel les écrit, la boucle de `main` les lit.
pub static VALEURS: Mutex<Valeurs> = Mutex::new(BTreeMap::new());

/// Note la valeur d'un Pi.
pub fn reception_msg(_cl: &pmc::Client, _userdata: &(), msg: &pmc::Message) {
    // Le nom vient de quelqu'un d'autre : il ne doit pas commander notre terminal.
    let nom_hote = msg.topic.trim_start_matches("/ex4/").replace(char::is_control, "\u{fffd}");
    match luminosite(&msg.payload_str()) {
        Some(valeur) => {
            VALEURS.lock().unwrap_or_else(PoisonError::into_inner).insert(nom_hote, (valeur, Instant::now()));
        }
        None => eprintln!("{nom_hote} : valeur ignorée, il faut un entier de 0 à 100."),
    }
}

/// Un entier de 0 à 100, en chiffres seulement.
pub fn luminosite(texte: &str) -> Option<u8> {
    let valeur = texte.parse().ok()?;
    (valeur <= 100 && !texte.starts_with('+')).then_some(valeur)
}

/// Les Pi qui comptent à ce moment, dans l'ordre alphabétique, avec leur dernière valeur.
pub fn presents(valeurs: &Valeurs, maintenant: Instant, periode: Duration) -> Vec<(String, u8)> {
    let silence = |vu: Instant| maintenant.saturating_duration_since(vu);
    let presents = valeurs.iter().filter(|(_, (_, vu))| silence(*vu) < periode * PERIODES_DE_SILENCE);
    let mut presents: Vec<_> = presents.map(|(nom, (valeur, _))| (nom.clone(), *valeur)).collect();
    presents.sort_by_key(|(nom, _)| nom.to_lowercase());
    presents
}

/// Le premier de ceux qui reçoivent le plus de lumière, et la moyenne de tous.
pub fn maximum_et_moyenne(presents: &[(String, u8)]) -> Option<(&str, u8, f64)> {
    // `max_by_key` garde le dernier de plusieurs maximums, et à l'envers c'est le premier.
    let (nom_hote, max) = presents.iter().rev().max_by_key(|(_, valeur)| *valeur)?;
    let somme: f64 = presents.iter().map(|(_, valeur)| f64::from(*valeur)).sum();
    Some((nom_hote, *max, somme / presents.len() as f64))
}

/// Les trois lignes de l'énoncé ; rien tant qu'aucun Pi ne compte.
pub fn bloc(presents: &[(String, u8)]) -> Option<String> {
    let (nom_hote, max, moyenne) = maximum_et_moyenne(presents)?;
    Some(format!("Max: {nom_hote} ({max})\nMoy: {moyenne:.2}\n-------------"))
}

fn main() -> pmc::Result<()> {
    let (broker, port) = common::broker(BROKER, PORT)?; // harnais ; chez vous : let (broker, port) = (BROKER, PORT);
    let periode = common::periode(PERIODE); // harnais ; chez vous : let periode = PERIODE;

    let client = pmc::Client::new(pmc::CallbackApiVersion::Version2);
    client.on_message(reception_msg);
    client.connect(broker, port)?;
    client.subscribe(TOPIC, 0)?;
    client.loop_start()?;

    let mut conseil_donne = false;
    loop {
        thread::sleep(periode);
        let valeurs = VALEURS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bloc(&presents(&valeurs, Instant::now(), periode)) {
            Some(bloc) => {
                println!("{bloc}");
                conseil_donne = false;
            }
            None if !conseil_donne => {
                eprintln!("(aucune valeur récente : `cargo run --example ex4_pub` en publie)");
                conseil_donne = true;
            }
            None => {}
        }
    }
}
