//! The few words that errors hold as they are known in the code, in the language of the reader.

use crate::types::Language;

/// English and French. What is not in here is the name of a method and the same in both.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("client id", "l'identifiant de client"),
    ("password", "le mot de passe"),
    ("the WebSocket's opening", "ouverture du WebSocket"),
    ("the proxy's answer", "réponse du proxy"),
    ("publish with QoS 0", "publish avec QoS 0"),
    ("the broker's answer (CONNACK)", "réponse du broker (CONNACK)"),
    ("shared subscriptions ($share/..)", "les abonnements partagés ($share/..)"),
    ("subscription identifiers", "les identifiants d'abonnement"),
    ("the name server's answer", "réponse du serveur de noms"),
    ("the TLS handshake", "négociation de TLS"),
    ("topic", "le topic"),
    ("topic filter", "le filtre de topics"),
    ("user name", "le nom d'utilisateur"),
    ("wildcards (+ and #) in subscriptions", "les jokers (+ et #) dans les abonnements"),
    ("wait_for_publish inside a callback", "wait_for_publish dans un callback"),
];

/// `word` as a reader of `language` calls it.
pub(super) fn say(language: Language, word: &str) -> &str {
    let french = || WORDS.iter().find(|(english, _)| *english == word).map_or(word, |(_, french)| french);
    match language {
        Language::English => word,
        Language::French => french(),
    }
}
