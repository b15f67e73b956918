//! The lines of the log that the user of a program may meet, in both languages.
//!
//! What only the crate's own makers can do something about is written in English where it happens.

use crate::types::Error;
use crate::types::error::place;
use crate::types::language::told;

told! {
    use language;

    /// What is logged without being the error of a call.
    pub(crate) enum Notice {
        /// Error: a callback has returned an `Err`.
        CallbackFailed {
            /// The callback, with its topic where it has one.
            name: String,
            error: String,
        } =>
            "{name} failed: {error}; the loop goes on",
            "{name} a échoué : {error} ; la boucle continue";

        /// Error: foreign code has panicked.
        CallbackPanicked {
            /// The callback, with its topic where it has one.
            name: String,
            panic: String,
        } =>
            "{name} panicked: {panic}; the loop goes on",
            "{name} a paniqué : {panic} ; la boucle continue";

        /// Warning: callbacks wait for a loop that nobody runs.
        NoLoop =>
            "callbacks are registered and events wait, but no loop has run for five seconds: call loop_start() after connect(), or end the program with loop_forever()",
            "des callbacks attendent, mais aucune boucle ne tourne depuis cinq secondes : appelez loop_start() après connect(), ou terminez le programme par loop_forever()";

        /// Warning: a broker's certificate is not looked at as it should be.
        Insecure {
            /// The call that asks for it.
            call: &'static str,
        } =>
            "{call}: anybody may pass for the broker, and read the password; for a first try only",
            "{call} : n'importe qui peut se faire passer pour le broker, et lire le mot de passe ; pour un premier essai seulement";

        /// Warning: a password goes to another machine without TLS.
        PasswordInClear {
            host: String,
        } =>
            "the password goes to {host} in clear, and whoever is on the same network can read it: encrypt the connection with tls_set",
            "le mot de passe part en clair vers {host}, et n'importe qui sur le même réseau peut le lire : chiffrez la connexion avec tls_set";

        /// Warning: one more attempt has failed as the last one did.
        StillNoConnection {
            host: String,
            port: u16,
        } where place = place(host, *port) =>
            "still no connection to {place}; trying again",
            "toujours pas de connexion à {place} ; nouvel essai";

        /// Warning: one broker of several does not accept the client.
        NextBroker {
            error: Error,
            /// The next one.
            host: String,
            port: u16,
        } where place = place(host, *port) =>
            "{error}; next is {place}",
            "{error} ; au tour de {place}";

        /// Info: subscriptions come back.
        SubscribingAgain {
            count: usize,
        } =>
            "subscribing again to {count} filter(s) that the broker has lost",
            "nouvel abonnement à {count} filtre(s) que le broker a oublié(s)";

        /// Error: the broker of this connection does not take a subscription.
        SubscriptionGivenUp {
            error: Error,
        } =>
            "a subscription was given up: {error}",
            "un abonnement est abandonné : {error}";

        /// Error: the broker of this connection does not take a message.
        MessageGivenUp {
            topic: String,
            error: Error,
        } =>
            "a message on {topic:?} was given up: {error}",
            "un message du topic {topic:?} est abandonné : {error}";

        /// Error: another client may use the same client id.
        ClosedInARow {
            count: u32,
            client_id: String,
        } =>
            "the broker has closed {count} connections in a row soon after they were made: if another client uses the client id {client_id:?}, give each its own; the broker's log says more",
            "le broker a fermé {count} connexions de suite, peu après leur début : si un autre client utilise l'identifiant {client_id:?}, donnez à chacun le sien ; le journal du broker en dit plus";

        /// Error: another client uses the same client id.
        SessionTakenOver {
            client_id: String,
        } =>
            "another client has connected with the client id {client_id:?}, and the broker has ended this connection for it: give each its own",
            "un autre client s'est connecté avec l'identifiant {client_id:?}, et le broker a mis fin à cette connexion pour lui : donnez à chacun le sien";

        /// Warning, to `on_log` alone: it could not keep up.
        LinesLeftOut {
            count: usize,
        } =>
            "{count} line(s) of the log were left out, as on_log has not taken those before them: does a loop run?",
            "{count} ligne(s) du journal manquent, car on_log n'a pas pris celles d'avant : une boucle tourne-t-elle ?";

        /// Error: the last handle of a client was dropped too early.
        Dropped {
            count: usize,
        } =>
            "the client was dropped while {count} message(s) were not confirmed: wait_for_publish() on what must arrive, or look at what disconnect() says",
            "le client a disparu alors que {count} message(s) n'étaient pas confirmés : appelez wait_for_publish() pour ce qui doit arriver, ou regardez ce que dit disconnect()";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Language;

    #[test]
    fn every_notice_names_its_values_in_both_languages() {
        let text = || "of the test".to_owned();
        let error = || Error::InvalidQos { qos: 7 };
        let all = [
            (Notice::CallbackFailed { name: "on_message".into(), error: text() }, vec!["on_message", "of the test"]),
            (Notice::CallbackPanicked { name: "on_message".into(), panic: text() }, vec!["on_message", "of the test"]),
            (Notice::NoLoop, vec!["loop_start()", "loop_forever()"]),
            (Notice::Insecure { call: "tls_insecure_set(true)" }, vec!["tls_insecure_set(true)"]),
            (Notice::PasswordInClear { host: "pi.lan".into() }, vec!["pi.lan", "tls_set"]),
            (Notice::StillNoConnection { host: "pi.lan".into(), port: 1884 }, vec!["pi.lan:1884"]),
            (Notice::NextBroker { error: error(), host: "pi.lan".into(), port: 1884 }, vec!["pi.lan:1884", "QoS 7"]),
            (Notice::SubscribingAgain { count: 7 }, vec!["7"]),
            (Notice::SubscriptionGivenUp { error: error() }, vec!["QoS 7"]),
            (Notice::MessageGivenUp { topic: "t/1".into(), error: error() }, vec!["\"t/1\"", "QoS 7"]),
            (Notice::ClosedInARow { count: 7, client_id: "pi".into() }, vec!["7", "\"pi\""]),
            (Notice::SessionTakenOver { client_id: "pi".into() }, vec!["\"pi\""]),
            (Notice::LinesLeftOut { count: 7 }, vec!["7", "on_log"]),
            (Notice::Dropped { count: 7 }, vec!["7 message(s)", "wait_for_publish()", "disconnect()"]),
        ];
        assert_eq!(all.len(), Notice::VARIANTS.len(), "one of each");
        for (notice, values) in all {
            let (english, french) = (notice.text(Language::English), notice.text(Language::French));
            assert_ne!(english, french);
            for value in values {
                assert!(english.contains(value) && french.contains(value), "{value:?}: {english:?}, {french:?}");
            }
        }
    }
}
