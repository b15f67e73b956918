//! The request that opens a WebSocket, and what servers answer to it.

use std::io::{self, ErrorKind};

use tungstenite::client::client_with_config;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::{Request, generate_key};
use tungstenite::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use tungstenite::protocol::WebSocketConfig;

use crate::guarded::guarded;
use crate::net::Plan;
use crate::net::wire::Wire;
use crate::types::{Error, HeaderChange, Result, WebSocketHeaders, language, place, tell};

/// What is read from the pipe at a time.
const READ: usize = 16 * 1024;
/// A message may be at least so large, whatever MQTT packets may be: a server may put many of them into one.
const LARGEST: usize = 16 * 1024 * 1024;
/// What is allowed for around the largest packet.
const AROUND: usize = 64 * 1024;

/// Opens a WebSocket over `wire`.
pub(super) fn open(wire: Wire, plan: &Plan) -> Result<tungstenite::WebSocket<Wire>> {
    let failed = |problem| Error::WebSocket { host: plan.host.clone(), port: plan.port, problem };
    let is_secure = plan.route.tls.is_some();
    let request = request(&headers(plan, is_secure)?, &plan.route.websocket.path).ok_or_else(|| {
        failed(tell!(
            language(),
            "the headers of ws_set_options leave no request that a server could take",
            "avec les en-têtes de ws_set_options, il ne reste pas de requête qu'un serveur puisse accepter"
        ))
    })?;
    let largest = plan.max_packet.max(LARGEST).saturating_add(AROUND);
    let config =
        WebSocketConfig::default().read_buffer_size(READ).max_message_size(Some(largest)).max_frame_size(Some(largest));
    match client_with_config(request, wire, Some(config)) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Interrupted(_)) => Err(plan.too_late(STAGE)),
        Err(HandshakeError::Failure(tungstenite::Error::Io(error))) => Err(match told(&error) {
            Some(error) => error,
            None if error.kind() == ErrorKind::TimedOut => plan.too_late(STAGE),
            None => failed(hung_up(plan.port)),
        }),
        Err(HandshakeError::Failure(error)) => Err(failed(problem(error, plan))),
    }
}

/// What is waited for.
const STAGE: &str = "the WebSocket's opening";

/// What a layer below has to say.
fn told(error: &io::Error) -> Option<Error> {
    error.get_ref()?.downcast_ref::<Error>().cloned()
}

/// The headers of the request: Python's, changed as the program wants it.
fn headers(plan: &Plan, is_secure: bool) -> Result<WebSocketHeaders> {
    let (scheme, usual_port) = if is_secure { ("https", 443) } else { ("http", 80) };
    // The interface of `fe80::1%eth0` is this machine's business.
    let name = plan.host.split('%').next().unwrap_or_default();
    let host = match place(name, plan.port) {
        place if plan.port == usual_port => place.trim_end_matches(&format!(":{usual_port}")).to_owned(),
        place => place,
    };
    let mut headers = WebSocketHeaders::from([
        ("Host", host.clone()),
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Origin", format!("{scheme}://{host}")),
        ("Sec-WebSocket-Key", generate_key()),
        ("Sec-WebSocket-Version", "13".to_owned()),
        ("Sec-WebSocket-Protocol", "mqtt".to_owned()),
    ]);
    match &plan.route.websocket.headers {
        HeaderChange::Add(others) => others.iter().for_each(|(name, value)| headers.insert(name, value)),
        HeaderChange::Call(change) => {
            let mut changed = WebSocketHeaders::default();
            guarded(|| "the function for headers of ws_set_options".into(), || changed = change(headers));
            headers = changed;
            headers.check()?;
        }
    }
    Ok(headers)
}

/// `None` where these headers make no request, or the crate would not take it.
fn request(headers: &WebSocketHeaders, path: &str) -> Option<Request> {
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    // Only the path of it is sent.
    *request.uri_mut() = format!("ws://broker{path}").parse::<Uri>().ok()?;
    for (name, value) in headers.iter() {
        request.headers_mut().insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    let needed = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"];
    needed
        .iter()
        .all(|name| request.headers().get(*name).is_some_and(|value| value.to_str().is_ok()))
        .then_some(request)
}

/// What is wrong, and what to do.
fn problem(error: tungstenite::Error, plan: &Plan) -> String {
    let language = language();
    let path = &plan.route.websocket.path;
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status();
            let hint = match status {
                StatusCode::NOT_FOUND => tell!(
                    language,
                    "it knows no path {path:?}; give it another with ws_set_options",
                    "il ne connaît pas le chemin {path:?} ; donnez-en un autre avec ws_set_options"
                ),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => tell!(
                    language,
                    "it wants to know who asks; give it a header with ws_set_options, such as Authorization",
                    "il veut savoir qui demande ; donnez-lui un en-tête avec ws_set_options, par exemple Authorization"
                ),
                _ => match response.headers().get("Location").and_then(|place| place.to_str().ok()) {
                    Some(elsewhere) => tell!(language, "it sends us to {elsewhere}", "il envoie vers {elsewhere}"),
                    None => tell!(
                        language,
                        "is it a WebSocket server, and is its path {path:?}?",
                        "est-ce un serveur WebSocket, et son chemin est-il {path:?} ?"
                    ),
                },
            };
            tell!(language, "the server answered {status}; {hint}", "le serveur a répondu {status} ; {hint}")
        }
        tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => hung_up(plan.port),
        tungstenite::Error::Protocol(ProtocolError::HttparseError(_) | ProtocolError::WrongHttpVersion) => {
            let port = plan.port;
            tell!(
                language,
                "the answer is not HTTP; is {port} the port of WebSockets?",
                "la réponse n'est pas du HTTP ; {port} est-il le port de WebSocket ?"
            )
        }
        tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => tell!(
            language,
            "the server does not speak MQTT on it, it did not take the subprotocol \"mqtt\"; is it an MQTT broker, and is its path {path:?}?",
            "le serveur n'y parle pas MQTT, il n'a pas accepté le sous-protocole \"mqtt\" ; est-ce un broker MQTT, et son chemin est-il {path:?} ?"
        ),
        other => other.to_string(),
    }
}

fn hung_up(port: u16) -> String {
    tell!(
        language(),
        "the server hung up without an answer; is {port} the port of WebSockets (Mosquitto: `listener {port}` with `protocol websockets`), and is TLS wanted there?",
        "le serveur a raccroché sans répondre ; {port} est-il le port de WebSocket (Mosquitto : `listener {port}` avec `protocol websockets`), et y faut-il TLS ?"
    )
}
