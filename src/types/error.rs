//! Everything that can go wrong, each with what happened, the likely cause and the remedy, in both languages.

mod code;
mod hints;
mod tls_hints;
mod words;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::types::language::told;
use crate::types::{CertificateProblem, Properties, Qos, ReasonCode, Transport};

pub(crate) use hints::place;

/// The result of a call of this crate.
///
/// ```
/// fn main() -> rappel::Result<()> {
///     let qos = rappel::Qos::try_from(1)?;
///     assert_eq!(qos, 1);
///     Ok(())
/// }
/// ```
pub type Result<T> = std::result::Result<T, Error>;

told! {
    use language;

    /// Why a call failed. Its text says what happened and what to do about it.
    ///
    /// `Display` and `{:?}` give the text, so that `fn main() -> rappel::Result<()>` ends with a sentence; `{:#?}` shows
    /// the fields. Where Python raises `ValueError` or `OSError` or returns a number, there is a variant here;
    /// [`code`](Self::code) gives Python's number. [`set_language`](crate::set_language) sets the language.
    ///
    /// ```
    /// use rappel::{ErrorCode, Qos};
    ///
    /// let error = Qos::try_from(3).unwrap_err();
    /// assert_eq!(error.to_string(), "QoS 3 does not exist: use 0, 1 or 2");
    /// assert_eq!(format!("{error:?}"), error.to_string());
    /// assert_eq!(error.code(), ErrorCode::Inval);
    /// ```
    #[derive(Clone)]
    #[non_exhaustive]
    pub enum Error {
        /// `publish`, `will_set`: the topic is `""`.
        EmptyTopic =>
            "the topic is empty: give the name of a topic, such as \"house/temperature\"",
            "le topic est vide : donnez le nom d'un topic, par exemple \"maison/temperature\"";

        /// `publish`, `will_set`: wildcards are for subscriptions only.
        WildcardInTopic {
            /// The topic given.
            topic: String,
        } =>
            "topic {topic:?} contains a wildcard (+ or #): publish to one exact topic; wildcards are for subscribe",
            "le topic {topic:?} contient un joker (+ ou #) : publiez sur un topic précis, les jokers servent à subscribe";

        /// Any call that takes text: MQTT does not allow U+0000 in it.
        NulInText {
            /// What the text was given as, for example "topic".
            what: &'static str,
            /// The text.
            text: String,
        } where what = words::say(language, what) =>
            "{what} {text:?} contains a NUL character, which MQTT forbids: remove it",
            "{what} {text:?} : il contient un caractère NUL, que MQTT interdit ; enlevez-le";

        /// Any call that takes text: more than 65,535 bytes of UTF-8.
        TextTooLong {
            /// What the text was given as, for example "topic".
            what: &'static str,
            /// Its length in bytes.
            len: usize,
        } where what = words::say(language, what) =>
            "{what} is {len} bytes long, but MQTT sends at most 65535: shorten it",
            "{what} : {len} octets, mais MQTT en transmet 65535 au plus ; raccourcissez-le";

        /// `subscribe`, `unsubscribe`, `message_callback_add`: the filter is not well formed.
        InvalidFilter {
            /// The filter given.
            filter: String,
            /// What is wrong with it.
            problem: &'static str,
        } =>
            "topic filter {filter:?} is not valid: {problem}",
            "le filtre de topics {filter:?} n'est pas valable : {problem}";

        /// `subscribe_many`, `unsubscribe_many`: the list is empty.
        NoFilter =>
            "the list of topic filters is empty: give at least one",
            "la liste de filtres de topics est vide : donnez-en au moins un";

        /// `publish`, `subscribe`, `will_set`, `Qos::try_from`: not 0, 1 or 2.
        InvalidQos {
            /// The number given.
            qos: i32,
        } =>
            "QoS {qos} does not exist: use 0, 1 or 2",
            "il n'y a pas de QoS {qos} : utilisez 0, 1 ou 2";

        /// `publish`, `will_set`: no MQTT packet can hold it.
        PayloadTooLarge {
            /// Its length in bytes.
            len: usize,
            /// The most bytes possible, here.
            limit: usize,
        } =>
            "the payload has {len} bytes, but at most {limit} fit in one MQTT message: split it over several messages",
            "le contenu fait {len} octets, mais un message MQTT en transporte ici {limit} au plus : répartissez-le sur plusieurs messages";

        /// `Message::payload_as`: the payload is not what was expected.
        InvalidPayload {
            /// The topic of the message.
            topic: String,
            /// The start of its payload.
            payload: String,
            /// The type asked for.
            wanted: &'static str,
            /// Why it could not be read.
            problem: String,
        } =>
            "the payload {payload:?} on topic {topic:?} is not a {wanted}: {problem}",
            "le contenu {payload:?} du topic {topic:?} n'est pas un {wanted} : {problem}";

        /// Waiting for a message that a newer one of the same topic has replaced while the client was offline
        /// (`PublishOptions::keep_latest`).
        Replaced =>
            "a newer message on the same topic took this one's place in the queue, as keep_latest() asks",
            "un message plus récent du même topic a pris sa place dans la file, comme keep_latest() le demande";

        /// Waiting for a message whose message expiry interval was over before it could be sent (MQTT 5).
        MessageExpired {
            /// Its topic.
            topic: String,
        } =>
            "the message on topic {topic:?} was not sent: it waited in the queue until its message_expiry_interval was over; is the broker reachable?",
            "le message du topic {topic:?} n'a pas été envoyé : il a attendu dans la file jusqu'à la fin de son message_expiry_interval ; le broker est-il joignable ?";

        /// Waiting for a message that `drop_out_messages` has taken back.
        TakenBack =>
            "drop_out_messages() has taken this message back before it was confirmed",
            "drop_out_messages() a repris ce message avant qu'il soit confirmé";

        /// `publish`: as many messages wait as `max_queued_messages_set` allows.
        QueueFull {
            /// The limit that was set.
            limit: usize,
        } =>
            "the queue is full: {limit} messages wait to be sent; is the broker reachable? Publish more slowly, or raise max_queued_messages_set (0 = no limit)",
            "la file est pleine : {limit} messages attendent d'être envoyés ; le broker est-il joignable ? Publiez moins vite, ou augmentez max_queued_messages_set (0 = sans limite)";

        /// `ack`: no such message waits to be acknowledged.
        NotAwaitingAck {
            /// The message id given.
            mid: u16,
            /// The QoS given.
            qos: Qos,
        } where qos = i32::from(*qos) =>
            "no message with mid {mid} and QoS {qos} awaits ack(): it is acknowledged already, or the connection it came on is gone and it comes again; ack() needs manual_ack_set(true) before the message comes",
            "aucun message de mid {mid} et de QoS {qos} n'attend ack() : il est déjà acquitté, ou sa connexion est perdue et il reviendra ; ack() demande manual_ack_set(true) avant l'arrivée du message";

        /// `publish`: as many bytes wait as `max_queued_bytes_set` allows.
        QueueBytesFull {
            /// The limit that was set.
            limit: usize,
        } =>
            "the queue is full: there is no room for this message within {limit} bytes; is the broker reachable? Publish more slowly, or raise max_queued_bytes_set (0 = no limit)",
            "la file est pleine : il n'y a plus de place pour ce message dans les {limit} octets permis ; le broker est-il joignable ? Publiez moins vite, ou augmentez max_queued_bytes_set (0 = sans limite)";

        /// Any call that takes properties: MQTT 5 does not allow this one there.
        InvalidProperty {
            /// Its name in Rust, for example "topic_alias".
            property: &'static str,
            /// What is wrong with it.
            problem: String,
        } =>
            "property {property} is not valid: {problem}",
            "la propriété {property} n'est pas valable : {problem}";

        /// Any call that takes properties or options of MQTT 5, on a client of MQTT 3.1.1.
        PropertiesNeedV5 =>
            "properties and MQTT 5 options cannot be sent over MQTT 3.1.1: build the client with .protocol(Protocol::V5), or leave them out",
            "MQTT 3.1.1 ne transmet ni propriétés ni options de MQTT 5 : construisez le client avec .protocol(Protocol::V5), ou retirez-les";

        /// `connect`, `connect_async`: the host is empty or cannot be a name.
        InvalidHost {
            /// The host given; a password in it is left out.
            host: String,
        } where hint = hints::host(language, host) =>
            "host {host:?} is not valid: {hint}",
            "l'hôte {host:?} n'est pas valable : {hint}";

        /// `connect`, `connect_async`: port 0.
        InvalidPort =>
            "port 0 is not valid: use 1 to 65535; MQTT brokers usually listen on 1883 (8883 with TLS)",
            "le port 0 n'existe pas : utilisez 1 à 65535 ; les brokers MQTT écoutent d'habitude sur 1883 (8883 avec TLS)";

        /// `connect`, `connect_async`, `keepalive_set`: not a number of seconds that MQTT can send.
        InvalidKeepalive {
            /// The interval given, in seconds.
            seconds: f64,
        } =>
            "a keepalive of {seconds} s is not valid: use 1 to 65535 seconds, or 0 to switch it off",
            "un keepalive de {seconds} s n'est pas valable : utilisez 1 à 65535 secondes, ou 0 pour s'en passer";

        /// Any call that takes a time: a negative number of seconds, or no number at all.
        InvalidSeconds {
            /// The method or the setting, as it is called.
            what: &'static str,
            /// The number given.
            seconds: f64,
        } =>
            "{what}: {seconds} s is not a length of time; give zero or more seconds, or a Duration",
            "{what} : {seconds} s n'est pas une durée ; donnez un nombre de secondes positif ou nul, ou une Duration";

        /// `build`: `clean_session(false)` without a client id, by which alone the broker could find the session again.
        ClientIdRequired =>
            "a client with clean_session(false) needs a client id of its own, always the same: give one with .client_id(\"...\")",
            "un client avec clean_session(false) a besoin d'un identifiant à lui, toujours le même : donnez-le avec .client_id(\"...\")";

        /// `build` and the setters: the value makes no sense.
        InvalidOption {
            /// The option, as its setter is called.
            option: &'static str,
            /// What is wrong with it.
            problem: String,
        } =>
            "{option} is not valid: {problem}",
            "{option} n'est pas valable : {problem}";

        /// `tls_set`: a certificate or a key is missing, or not what it should be.
        TlsFile {
            /// The option, as its setter of `TlsOptions` is called.
            option: &'static str,
            /// The file.
            file: String,
            /// What is wrong with it, and what to do.
            problem: String,
        } =>
            "cannot use {file} as {option}: {problem}",
            "{file} ne peut pas servir de {option} : {problem}";

        /// `tls_set`: TLS was left out when the program was compiled.
        TlsNotCompiled =>
            "TLS is not compiled in: add the feature \"tls\" of rappel, `cargo add rappel --features tls`",
            "TLS n'est pas compilé : ajoutez la feature \"tls\" de rappel, `cargo add rappel --features tls`";

        /// `connect`, `reconnect`: the certificate that the broker has shown is not accepted.
        CertificateRefused {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// What is wrong with it.
            problem: CertificateProblem,
        } where place = hints::place(host, *port), reason = tls_hints::certificate(language, host, problem) =>
            "the certificate of {place} is not accepted: {reason}",
            "le certificat de {place} n'est pas accepté : {reason}";

        /// `connect`, `reconnect`: the broker has refused the TLS connection.
        TlsRefused {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// Its reason: the number of a TLS alert (RFC 8446, section 6).
            alert: u8,
        } where place = hints::place(host, *port), name = tls_hints::alert_name(*alert), hint = tls_hints::alert(language, *alert) =>
            "{place} has refused the TLS connection: {name} ({alert}); {hint}",
            "{place} a refusé la connexion TLS : {name} ({alert}) ; {hint}";

        /// `connect`, `reconnect`: no TLS connection could be made, or it broke.
        TlsFailed {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// What is wrong.
            problem: String,
        } where place = hints::place(host, *port) =>
            "no TLS connection with {place}: {problem}; the broker's log says more",
            "pas de connexion TLS avec {place} : {problem} ; le journal du broker en dit plus";

        /// `connect`, `reconnect` after `tls_set`: the other end does not answer in TLS.
        NoTls {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
        } where place = hints::place(host, *port) =>
            "{place} does not answer in TLS: give connect its port for TLS (usually 8883), or leave out tls_set",
            "{place} ne répond pas en TLS : donnez à connect son port pour TLS (d'habitude 8883), ou retirez tls_set";

        /// `connect`, `reconnect` without `tls_set`: the other end answers in TLS.
        NeedsTls {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
        } where place = hints::place(host, *port) =>
            "{place} speaks TLS: call tls_set before connect, or give connect its port without TLS (usually 1883)",
            "{place} parle TLS : appelez tls_set avant connect, ou donnez à connect son port sans TLS (d'habitude 1883)";

        /// `subscribe`, `unsubscribe`, `publish` with QoS 0 and others, while there is no connection.
        NotConnected {
            /// The call that failed, for example "publish with QoS 0".
            what: &'static str,
        } where hint = hints::not_connected(language, what), what = words::say(language, what) =>
            "{what} needs a connection and there is none: {hint}",
            "{what} a besoin d'une connexion, et il n'y en a pas : {hint}";

        /// `loop_forever`, `loop_once`, `reconnect`: nobody said where to connect to.
        NoConnectionRequested =>
            "there is no broker to connect to: call connect or connect_async first",
            "il n'y a pas de broker auquel se connecter : appelez d'abord connect ou connect_async";

        /// `loop_start`, `loop_forever`, `loop_once`: callbacks run on one thread at a time.
        LoopRunning =>
            "a loop is already running on this client: call loop_stop first, or leave out this second loop",
            "une boucle tourne déjà pour ce client : appelez d'abord loop_stop, ou retirez cette deuxième boucle";

        /// `loop_stop`: nothing to stop.
        NoLoop =>
            "no loop is running on this client: loop_stop only ends what loop_start began",
            "aucune boucle ne tourne pour ce client : loop_stop n'arrête que ce que loop_start a lancé";

        /// A call that would wait for the very callback it is made from.
        InCallback {
            /// The method called.
            method: &'static str,
        } =>
            "{method} cannot be called from inside a callback, which it would wait for: call it from another thread",
            "{method} ne peut pas être appelée depuis un callback, dont elle attendrait la fin : appelez-la depuis un autre thread";

        /// `connect`, `reconnect`: no address for the name.
        NameNotFound {
            /// The host given.
            host: String,
            /// What the system said.
            cause: Arc<io::Error>,
        } =>
            "no address was found for the name {host:?} ({cause}): check its spelling and this machine's DNS, or use the broker's IP address",
            "aucune adresse trouvée pour le nom {host:?} ({cause}) : vérifiez son orthographe et le DNS de cette machine, ou utilisez l'adresse IP du broker";

        /// `connect`, `reconnect`: no TCP connection.
        Unreachable {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// What the system said.
            cause: Arc<io::Error>,
        } where place = hints::place(host, *port), hint = hints::unreachable(language, cause.kind(), host, *port) =>
            "cannot connect to {place} ({cause}): {hint}",
            "impossible de se connecter à {place} ({cause}) : {hint}";

        /// `connect`, `reconnect` over a Unix socket: no connection.
        SocketUnreachable {
            /// The path given as host.
            path: String,
            /// What the system said.
            cause: Arc<io::Error>,
        } where hint = hints::socket_unreachable(language, cause.kind(), path) =>
            "cannot connect to the Unix socket {path} ({cause}): {hint}",
            "impossible de se connecter au socket Unix {path} ({cause}) : {hint}";

        /// `connect`, `reconnect`: the proxy makes no connection to the broker.
        Proxy {
            /// Where the proxy is.
            proxy: String,
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// What it answered, and what to do.
            problem: String,
        } where place = place(host, *port) =>
            "no connection to {place} through the proxy {proxy}: {problem}",
            "pas de connexion à {place} par le proxy {proxy} : {problem}";

        /// `connect`, `reconnect`: no WebSocket, or one that the server ended before it accepted.
        WebSocket {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// What the server answered, and what to do.
            problem: String,
        } where place = place(host, *port) =>
            "the WebSocket to {place} failed: {problem}",
            "le WebSocket vers {place} a échoué : {problem}";

        /// `connect`, `reconnect`: no answer in time.
        ConnectTimeout {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// How long was waited, in seconds.
            seconds: f64,
            /// What was being waited for, for example "the broker's answer (CONNACK)".
            stage: &'static str,
        } where place = hints::place(host, *port), stage = words::say(language, stage) =>
            "no answer from {place} within {seconds} s ({stage}): check the address and the port, the network cable or Wi-Fi, and any firewall in between; or allow more time with connect_timeout_set",
            "{place} n'a pas répondu en {seconds} s ({stage}) : vérifiez l'adresse et le port, le câble réseau ou le Wi-Fi, et les pare-feu entre les deux machines ; ou accordez plus de temps avec connect_timeout_set";

        /// `connect`, `reconnect`: the other end hung up before it answered.
        ClosedDuringConnect {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
        } where place = hints::place(host, *port) =>
            "{place} accepted the connection and closed it without answering: is it an MQTT broker, is the port one for TLS (8883) or WebSockets, and does the broker speak this MQTT version? Its log says more",
            "{place} a accepté la connexion puis l'a fermée sans répondre : est-ce un broker MQTT, le port est-il celui de TLS (8883) ou de WebSocket, et le broker parle-t-il cette version de MQTT ? Son journal en dit plus";

        /// `connect` and the loops: what came from the other end is not MQTT.
        Protocol {
            /// What is wrong with it.
            problem: String,
        } =>
            "the broker sent something that is not valid MQTT: {problem}; is it an MQTT broker, and is the port right?",
            "la réponse reçue n'est pas du MQTT : {problem} ; est-ce bien un broker MQTT, et le bon port ?";

        /// `connect`, `reconnect` and the loops: the broker said no, after `on_connect` has run with the code.
        Refused {
            /// The host given.
            host: String,
            /// The port given.
            port: u16,
            /// The broker's reason.
            code: ReasonCode,
            /// What an MQTT 5 broker added.
            properties: Properties,
        } where place = hints::place(host, *port), number = code.value(), hint = hints::refused(language, *code, properties.server_reference.as_deref()) =>
            "the broker {place} refused the connection: {code} ({number}); {hint}",
            "le broker {place} a refusé la connexion : {code} ({number}) ; {hint}";

        /// The loops with `reconnect_on_failure(false)`, `wait_for_publish` and others: the connection broke.
        ConnectionLost {
            /// The reason, as `on_disconnect` got it.
            code: ReasonCode,
        } where number = code.value(), hint = hints::lost(language, *code) =>
            "the connection was lost: {code} ({number}); {hint}",
            "la connexion est perdue : {code} ({number}) ; {hint}";

        /// `wait_for_publish`: the broker did not take the message (MQTT 5).
        PublishRefused {
            /// The topic, where it is known.
            topic: Option<String>,
            /// The broker's reason.
            code: ReasonCode,
        } where number = code.value(), on_topic = hints::on_topic(language, topic.as_deref()) =>
            "the broker refused the message{on_topic}: {code} ({number}); check the broker's access list (acl_file) and its limits; its log says more",
            "le broker a refusé le message{on_topic} : {code} ({number}) ; vérifiez sa liste d'accès (acl_file) et ses limites, son journal en dit plus";

        /// `wait_for_publish`: the broker has closed the connection without a word each time it got the message, and has
        /// answered everything else.
        HungUp {
            /// The topic; of a subscription the filters, which are named in the log alone.
            name: String,
        } =>
            "the broker closed the connection each time it was sent {name:?}, and gave no reason: it may not take this topic, this QoS or this much at a time; its log says more",
            "le broker a fermé la connexion à chaque envoi de {name:?}, sans dire pourquoi : ce topic, cette QoS ou cette taille ne lui conviennent peut-être pas ; son journal en dit plus";

        /// `subscribe::simple` and `subscribe::callback`: the broker did not take the subscription.
        SubscriptionRefused {
            /// The topic filter.
            filter: String,
            /// The broker's reason.
            code: ReasonCode,
        } where number = code.value() =>
            "the broker refused the subscription to {filter:?}: {code} ({number}); check its access list (acl_file), its log says more",
            "le broker a refusé l'abonnement à {filter:?} : {code} ({number}) ; vérifiez sa liste d'accès (acl_file), son journal en dit plus";

        /// `wait_for_publish` and others with a time limit.
        Timeout {
            /// What was waited for.
            what: &'static str,
            /// How long.
            after: Duration,
        } where what = words::say(language, what) =>
            "{what} was not finished after {after:?}: is the connection up, and is the broker answering?",
            "{what} n'était pas terminé après {after:?} : la connexion est-elle établie, et le broker répond-il ?";

        /// `publish`, `subscribe` and others: larger than the broker takes (its Maximum Packet Size).
        PacketTooLarge {
            /// The broker's limit in bytes, for the whole packet.
            limit: usize,
        } =>
            "the packet would be larger than the {limit} bytes that the broker takes: send less at a time, or raise its limit (Mosquitto: max_packet_size)",
            "le paquet dépasserait les {limit} octets que le broker accepte : envoyez moins à la fois, ou relevez sa limite (Mosquitto : max_packet_size)";

        /// `publish`: the broker keeps no messages (its Retain Available).
        RetainNotSupported =>
            "the broker keeps no messages: publish without retain, or allow it there (Mosquitto: retain_available)",
            "le broker ne retient pas de messages : publiez sans retain, ou autorisez-le là-bas (Mosquitto : retain_available)";

        /// `publish`: a higher QoS than the broker takes (its Maximum QoS).
        QosNotSupported {
            /// The highest that it takes, 0 or 1.
            maximum: u8,
        } =>
            "the broker takes messages up to QoS {maximum}: use that, or allow more there (Mosquitto: max_qos)",
            "le broker accepte les messages jusqu'à la QoS {maximum} : utilisez-la, ou autorisez plus là-bas (Mosquitto : max_qos)";

        /// `publish`: a higher topic alias than the broker takes (its Topic Alias Maximum).
        TopicAliasTooHigh {
            /// The highest that it takes; 0 for none at all.
            maximum: u16,
        } =>
            "the broker takes topic aliases up to {maximum}: use a lower one, or none",
            "le broker accepte les alias de topic jusqu'à {maximum} : utilisez-en un plus petit, ou aucun";

        /// `publish` with an empty topic: nothing was published with this topic alias before.
        UnknownTopicAlias {
            /// The alias given.
            alias: u16,
        } =>
            "topic alias {alias} stands for no topic yet: publish with both topic and alias first",
            "l'alias de topic {alias} ne désigne encore aucun topic : publiez d'abord avec le topic et l'alias";

        /// `subscribe`: the broker does not offer wildcards, shared subscriptions or subscription identifiers.
        SubscriptionNotSupported {
            /// The topic filter given.
            filter: String,
            /// What it does not offer, for example "wildcards in subscriptions".
            what: &'static str,
        } where what = words::say(language, what) =>
            "the broker does not offer {what}, which {filter:?} asks for: subscribe without, or allow it there",
            "le broker n'offre pas : {what}, que demande {filter:?} ; abonnez-vous sans cela, ou autorisez-le là-bas";

        /// `build`: the engine was left out when the program was compiled.
        EngineNotCompiled =>
            "the engine Paho is not compiled in: add the feature \"paho\" of rappel, or choose Engine::Native",
            "le moteur Paho n'est pas compilé : ajoutez la feature \"paho\" de rappel, ou choisissez Engine::Native";

        /// `build`, `transport_set`: this system, or this build of the crate, does not have it.
        TransportNotAvailable {
            /// The transport given.
            transport: Transport,
        } where hint = hints::transport(language, *transport) =>
            "there is no transport {transport} here: {hint}",
            "il n'y a pas de transport {transport} ici : {hint}";

        /// `disconnect`: the time ran out before the broker had confirmed everything.
        Unconfirmed {
            /// How many messages.
            count: usize,
        } =>
            "disconnected with {count} message(s) that the broker had not confirmed: they may be lost; allow more time with DisconnectOptions::timeout",
            "déconnecté avant que le broker ait confirmé {count} message(s) : ils sont peut-être perdus ; accordez plus de temps avec DisconnectOptions::timeout";

        /// `connect`, `reconnect`: `disconnect`, or `connect` once more, was called meanwhile.
        Cancelled =>
            "given up because disconnect or another connect was called meanwhile",
            "abandonné, parce que disconnect ou un autre connect a été appelé entre-temps";

        /// `wait_for_publish`: every handle of the client was dropped.
        Dropped =>
            "the client no longer exists: keep a handle of it until its messages are confirmed",
            "le client n'existe plus : gardez-le jusqu'à ce que ses messages soient confirmés";

        /// Any call: the engine below failed in a way not foreseen here.
        Engine {
            /// What it said.
            problem: String,
        } where hint = hints::engine(language, problem) =>
            "the MQTT engine failed: {problem}; {hint}",
            "le moteur MQTT a échoué : {problem} ; {hint}";

        /// `build` with `persistence`, and `publish`: the messages cannot be kept on disk.
        Storage {
            /// The directory given.
            dir: PathBuf,
            /// What is wrong.
            problem: String,
        } where dir = dir.display() =>
            "cannot keep messages in {dir}: {problem}; check that the directory exists, is writable, has room and is used by one client only",
            "impossible de garder les messages dans {dir} : {problem} ; vérifiez que le dossier existe, qu'on peut y écrire, qu'il y a de la place et qu'un seul client s'en sert";
    }
}

#[cfg(test)]
mod tests;
