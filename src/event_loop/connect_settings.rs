//! What the next CONNECT will say, and where it will go.

use std::time::{Duration, Instant};

use crate::event::ConnectionId;
use crate::event_loop::connection_state::Aim;
use crate::mqtt::{ConnectPacket, Credentials, MAX_PACKET, Will};
use crate::net::{Plan, Route};
use crate::types::{Bind, CleanStart, Properties, Protocol, Result, keepalive_seconds};

/// Identity, will and options of the next attempt.
#[derive(Debug, Clone)]
pub(crate) struct ConnectSettings {
    pub(crate) bind: Bind,
    pub(crate) route: Route,
    pub(crate) keepalive: Duration,
    pub(crate) clean_start: CleanStart,
    pub(crate) properties: Properties,
    pub(crate) connect_timeout: Duration,
    /// `enable_bridge_mode`.
    pub(crate) bridge: bool,
    /// Empty where the broker is to give one.
    pub(crate) client_id: String,
    pub(crate) clean_session: bool,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) will: Option<Will>,
    /// MQTT 5: a connection has stood, so `CleanStart::FirstOnly` no longer starts clean.
    pub(crate) connected_before: bool,
}

impl ConnectSettings {
    /// The plan of attempt `id`.
    pub(crate) fn plan(&self, id: ConnectionId, version: Protocol, aim: Aim, deadline: Instant) -> Result<Plan> {
        let clean = match (version, self.clean_start) {
            (Protocol::V5, CleanStart::Always) => true,
            (Protocol::V5, CleanStart::Never) => false,
            (Protocol::V5, CleanStart::FirstOnly) => !self.connected_before,
            _ => self.clean_session,
        };
        let max_packet = match self.properties.maximum_packet_size {
            Some(size) if version == Protocol::V5 => size as usize,
            _ => MAX_PACKET,
        };
        let client_id =
            if self.client_id.is_empty() { aim.client_id.unwrap_or_default() } else { self.client_id.clone() };
        Ok(Plan {
            id,
            host: aim.node.host.clone(),
            port: aim.node.port,
            session_keeper: aim.session_keeper,
            bind: self.bind,
            route: self.route.clone(),
            timeout: self.connect_timeout,
            deadline,
            packet: ConnectPacket {
                version,
                bridge: self.bridge,
                client_id,
                clean,
                keepalive: keepalive_seconds(self.keepalive)?,
                will: self.will.clone(),
                credentials: self.credentials.clone(),
                properties: self.properties.clone(),
            },
            max_packet,
        })
    }
}
