//! The part of an error's text that depends on its cause: what is likely wrong and what to do.

use std::borrow::Cow;
use std::io::ErrorKind;

use crate::types::language::tell;
use crate::types::{Language, ReasonCode, Transport};

/// Where a broker is, in one word: an IPv6 address in brackets, a Unix socket without the port.
pub(crate) fn place(host: &str, port: u16) -> String {
    match host {
        path if path.contains('/') => path.to_owned(),
        address if address.contains(':') => format!("[{address}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

/// For a host that cannot be one.
pub(super) fn host(language: Language, host: &str) -> String {
    if let Some((scheme, rest)) = host.split_once("://") {
        let place = rest.split('/').next().and_then(|place| place.rsplit('@').next()).unwrap_or_default();
        let (name, port) = place.split_once(':').unwrap_or((place, "1883"));
        return tell!(
            language,
            "give the name alone, connect({name:?}, {port}); what \"{scheme}://\" says is said elsewhere: tls_set for TLS, .transport(..) for WebSocket",
            "donnez le nom seul, connect({name:?}, {port}) ; ce que dit \"{scheme}://\" se dit ailleurs : tls_set pour TLS, .transport(..) pour WebSocket"
        );
    }
    if host.starts_with('/') {
        return tell!(
            language,
            "the path of a Unix socket goes with .transport(Transport::Unix)",
            "le chemin d'un socket Unix demande .transport(Transport::Unix)"
        );
    }
    if host.starts_with('[') {
        return tell!(
            language,
            "write an IPv6 address without brackets, such as \"::1\"",
            "écrivez une adresse IPv6 sans crochets, par exemple \"::1\""
        );
    }
    if host.contains('@') {
        return tell!(
            language,
            "user name and password are given to username_pw_set, not with the host",
            "le nom d'utilisateur et le mot de passe se donnent à username_pw_set, pas avec l'hôte"
        );
    }
    if let Some((name, port)) = host.split_once(':').filter(|(name, port)| !name.is_empty() && !port.contains(':')) {
        return tell!(
            language,
            "the port is an argument of its own: connect({name:?}, {port})",
            "le port est un argument à part : connect({name:?}, {port})"
        );
    }
    tell!(
        language,
        "give a name such as \"mqttbroker.lan\" or an address such as \"10.10.10.23\"",
        "donnez un nom, par exemple \"mqttbroker.lan\", ou une adresse, par exemple \"10.10.10.23\""
    )
}

/// For a call that needs a connection.
pub(super) fn not_connected(language: Language, what: &str) -> String {
    match what {
        "disconnect" => tell!(
            language,
            "there is nothing to end; it has ended already, or connect was never called",
            "il n'y a rien à terminer ; elle l'est déjà, ou connect n'a jamais été appelé"
        ),
        "wait_for_publish" | "wait_for_publish inside a callback" => tell!(
            language,
            "nothing can confirm the message now; it is kept, and goes out once connect is called again",
            "rien ne peut confirmer le message maintenant ; il est gardé, et partira quand connect sera appelé de nouveau"
        ),
        "publish with QoS 0" => tell!(
            language,
            "call connect first, or wait for on_connect; a message with QoS 1 or 2 is queued instead",
            "appelez d'abord connect, ou attendez on_connect ; un message de QoS 1 ou 2 serait mis en file"
        ),
        _ => tell!(
            language,
            "call connect first, or wait for on_connect",
            "appelez d'abord connect, ou attendez on_connect"
        ),
    }
}

/// For a TCP connection that was not made.
pub(super) fn unreachable(language: Language, kind: ErrorKind, host: &str, port: u16) -> String {
    match kind {
        ErrorKind::ConnectionRefused => tell!(
            language,
            "the machine answers but nothing listens on port {port}; is mosquitto running there (`systemctl status mosquitto`), does its configuration have `listener {port}` (without it, it only listens to its own machine), and is the port right?",
            "la machine répond, mais rien n'écoute sur le port {port} ; mosquitto y fonctionne-t-il (`systemctl status mosquitto`), sa configuration contient-elle `listener {port}` (sans cela, il n'écoute que sa propre machine), et est-ce le bon port ?"
        ),
        ErrorKind::TimedOut => tell!(
            language,
            "nobody answers; check the address, that {host} is switched on, the network cable or Wi-Fi, and any firewall in between",
            "personne ne répond ; vérifiez l'adresse, que la machine {host} est allumée, le câble réseau ou le Wi-Fi, et les pare-feu entre les deux machines"
        ),
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::HostUnreachable => tell!(
            language,
            "this machine's network has no way to it; check the network cable or Wi-Fi, and try `ping {host}`",
            "le réseau de cette machine n'y mène pas ; vérifiez le câble réseau ou le Wi-Fi, puis essayez `ping {host}`"
        ),
        ErrorKind::AddrNotAvailable => tell!(
            language,
            "the address cannot be used from here; check it with `ip addr` and `ip route`",
            "cette adresse ne peut pas servir ici ; vérifiez-la avec `ip addr` et `ip route`"
        ),
        ErrorKind::PermissionDenied => tell!(
            language,
            "this machine does not allow the connection; check its firewall",
            "cette machine interdit la connexion ; vérifiez son pare-feu"
        ),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => tell!(
            language,
            "the other end hung up at once; is it an MQTT broker, and is {port} its MQTT port?",
            "l'autre bout a raccroché aussitôt ; est-ce un broker MQTT, et {port} est-il son port MQTT ?"
        ),
        _ => tell!(
            language,
            "check the host, the port and the network; try `ping {host}`",
            "vérifiez l'hôte, le port et le réseau ; essayez `ping {host}`"
        ),
    }
}

/// For a Unix socket that could not be reached.
pub(super) fn socket_unreachable(language: Language, kind: ErrorKind, path: &str) -> String {
    match kind {
        ErrorKind::NotFound => tell!(
            language,
            "there is no such file; is mosquitto running, and does its configuration have `listener 0 {path}`?",
            "ce fichier n'existe pas ; mosquitto fonctionne-t-il, et sa configuration contient-elle `listener 0 {path}` ?"
        ),
        ErrorKind::PermissionDenied => tell!(
            language,
            "this user may not write to it; see `ls -l {path}`",
            "cet utilisateur n'a pas le droit d'y écrire ; voyez `ls -l {path}`"
        ),
        ErrorKind::ConnectionRefused => tell!(
            language,
            "nobody listens on it; it may be left over from a broker that has ended, or be no socket: see `ls -l {path}`",
            "personne n'y écoute ; il reste peut-être d'un broker qui s'est arrêté, ou n'est pas un socket : voyez `ls -l {path}`"
        ),
        ErrorKind::TimedOut => tell!(
            language,
            "the broker accepts no more connections; is it stopped or overloaded?",
            "le broker n'accepte plus de connexions ; est-il arrêté ou surchargé ?"
        ),
        _ => tell!(language, "check the path with `ls -l {path}`", "vérifiez le chemin avec `ls -l {path}`"),
    }
}

/// For an engine that failed.
pub(super) fn engine(language: Language, problem: &str) -> &'static str {
    /// What Unix says where there is no more memory, too many threads, and too many open files.
    const TOO_LITTLE: [&str; 5] = ["(os error 11)", "(os error 12)", "(os error 23)", "(os error 24)", "(os error 35)"];
    if cfg!(unix) && TOO_LITTLE.iter().any(|error| problem.contains(error)) {
        return language.pick(
            "the system gives this program no more threads, files or memory for now: try again later; `ulimit -a` shows its limits",
            "le système ne donne plus de threads, de fichiers ou de mémoire à ce programme pour le moment : réessayez plus tard ; `ulimit -a` montre ses limites",
        );
    }
    language.pick("please report this", "merci de le signaler")
}

/// For a transport that is not there.
pub(super) fn transport(language: Language, transport: Transport) -> &'static str {
    match transport {
        Transport::Unix => language.pick(
            "this system has no Unix sockets; use Transport::Tcp",
            "ce système n'a pas de sockets Unix ; utilisez Transport::Tcp",
        ),
        Transport::WebSockets => language.pick(
            "add the feature \"websockets\" of rappel (cargo add rappel --features websockets), or use Transport::Tcp",
            "ajoutez la feature \"websockets\" de rappel (cargo add rappel --features websockets), ou utilisez Transport::Tcp",
        ),
        Transport::Tcp => language.pick("it is always there", "il existe toujours"),
    }
}

/// For a connection the broker refused.
pub(super) fn refused(language: Language, code: ReasonCode, server_reference: Option<&str>) -> Cow<'static, str> {
    match (code.value(), server_reference) {
        (156 | 157, Some(other)) => tell!(
            language,
            "connect to the other broker it names: {other:?}",
            "connectez-vous à l'autre broker qu'il nomme : {other:?}"
        )
        .into(),
        (code, _) => refused_alone(language, code).into(),
    }
}

fn refused_alone(language: Language, code: u8) -> &'static str {
    match code {
        132 => language.pick(
            "it does not speak this version of MQTT: build the client with another .protocol(Protocol::..)",
            "il ne parle pas cette version de MQTT : construisez le client avec un autre .protocol(Protocol::..)",
        ),
        133 => language.pick(
            "it does not accept the client id: choose another with .client_id(..), short and of plain letters and digits",
            "il n'accepte pas l'identifiant de client : choisissez-en un autre avec .client_id(..), court, fait de lettres sans accents et de chiffres",
        ),
        134 => language.pick(
            "check the user name and the password given to username_pw_set",
            "vérifiez le nom d'utilisateur et le mot de passe donnés à username_pw_set",
        ),
        135 => language.pick(
            "check the user name and the password given to username_pw_set, or give them if there are none; the broker may also refuse this client id (its password_file, acl_file or allow_anonymous decide)",
            "vérifiez le nom d'utilisateur et le mot de passe donnés à username_pw_set, ou donnez-les s'il n'y en a pas ; le broker peut aussi refuser cet identifiant de client (son password_file, son acl_file ou allow_anonymous en décident)",
        ),
        136 | 137 => language.pick(
            "it is up but cannot serve now: try again later, or read its log",
            "il fonctionne mais ne peut pas servir maintenant : réessayez plus tard, ou lisez son journal",
        ),
        138 => language.pick(
            "this client is banned: ask who runs the broker",
            "ce client est banni : adressez-vous à qui gère le broker",
        ),
        140 => language.pick(
            "it does not know the authentication method of the connect properties",
            "il ne connaît pas la méthode d'authentification des propriétés de connect",
        ),
        144 => language.pick(
            "it does not accept the topic of the will: check will_set",
            "il n'accepte pas le topic du testament : vérifiez will_set",
        ),
        149 => language.pick(
            "the connect packet is too large for it: shorten the will or the properties",
            "le paquet de connexion est trop grand pour lui : raccourcissez le testament ou les propriétés",
        ),
        151 | 159 => language.pick(
            "it has too many clients or connections: try again later, less often",
            "il a trop de clients ou de connexions : réessayez plus tard, moins souvent",
        ),
        153 => language.pick(
            "the payload of the will is not the text its properties announce: check will_set",
            "le contenu du testament n'est pas le texte que ses propriétés annoncent : vérifiez will_set",
        ),
        154 => language.pick(
            "it keeps no messages: use will_set without retain",
            "il ne retient pas de messages : utilisez will_set sans retain",
        ),
        155 => language.pick(
            "it does not offer the QoS of the will: use a lower one in will_set",
            "il n'offre pas la QoS du testament : utilisez-en une plus basse dans will_set",
        ),
        156 | 157 => language.pick(
            "it sends its clients to another broker and does not say which: ask who runs it",
            "il renvoie ses clients à un autre broker sans dire lequel : adressez-vous à qui le gère",
        ),
        _ => language.pick("the broker's log says more", "le journal du broker en dit plus"),
    }
}

/// For a connection that was made and then lost.
pub(super) fn lost(language: Language, code: ReasonCode) -> &'static str {
    match code.value() {
        139 => language.pick(
            "the broker is shutting down: connect again later",
            "le broker s'arrête : reconnectez-vous plus tard",
        ),
        141 => language.pick(
            "nothing was heard during the keepalive interval: check the network cable or Wi-Fi",
            "plus aucun signe de vie pendant l'intervalle de keepalive : vérifiez le câble réseau ou le Wi-Fi",
        ),
        142 => language.pick(
            "another client connected with the same client id: give each client its own",
            "un autre client s'est connecté avec le même identifiant : donnez à chaque client le sien",
        ),
        135 => language.pick(
            "the broker no longer allows this client: check user name, password and access list",
            "le broker n'admet plus ce client : vérifiez le nom d'utilisateur, le mot de passe et la liste d'accès",
        ),
        149 => language.pick(
            "a message was too large for the broker: send smaller ones",
            "un message était trop grand pour le broker : envoyez-en de plus petits",
        ),
        150 | 151 => language.pick(
            "the broker's limits were exceeded: publish more slowly",
            "les limites du broker sont dépassées : publiez moins vite",
        ),
        _ => language.pick("check the network and the broker's log", "vérifiez le réseau et le journal du broker"),
    }
}

/// " on topic ..", where the topic is known.
pub(super) fn on_topic(language: Language, topic: Option<&str>) -> String {
    topic.map(|topic| tell!(language, " on topic {topic:?}", " du topic {topic:?}")).unwrap_or_default()
}
