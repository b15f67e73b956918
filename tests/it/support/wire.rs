//! What brokers have sent to a client, as it stood on the wire: what they owe, whatever the client makes of it.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::scripted::packet::Publish;
use super::scripted::take_messages;

/// Listens on the way from one or more brokers to a client of MQTT 3.1.1; see [`Proxy::heard`](super::proxy::Proxy::heard).
#[derive(Debug, Clone, Default)]
pub struct Wire(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    /// What is not a whole packet yet, for each connection by its client.
    begun: Vec<(SocketAddr, Vec<u8>)>,
    messages: Vec<Publish>,
}

impl Wire {
    /// All messages, in the order in which they came, those among them that came again.
    pub fn messages(&self) -> Vec<Publish> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).messages.clone()
    }

    /// `bytes` are about to pass to `client`.
    pub(super) fn passed(&self, client: &TcpStream, bytes: &[u8]) {
        // One whose client has gone is of no interest.
        let Ok(address) = client.peer_addr() else {
            return;
        };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Heard { begun, messages } = &mut *heard;
        let place = begun.iter().position(|(known, _)| *known == address).unwrap_or_else(|| {
            begun.push((address, Vec::new()));
            begun.len() - 1
        });
        begun[place].1.extend(bytes);
        messages.extend(take_messages(&mut begun[place].1));
    }
}
