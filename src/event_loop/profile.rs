//! With what a client connects: address, identity, will and options.

use std::time::Duration;

use crate::engine::Plan;
use crate::types::{CleanStart, Error, Properties, Protocol, Result, keepalive_seconds};
use crate::wire::{Credentials, Opening, Will};

/// The largest packet MQTT allows, with its fixed header.
const LARGEST_PACKET: usize = 268_435_455 + 5;

/// What the next attempt will use.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// Empty before the first `connect`.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) keepalive: Duration,
    pub(crate) clean_start: CleanStart,
    pub(crate) properties: Properties,
    pub(crate) connect_timeout: Duration,
    pub(crate) version: Protocol,
    pub(crate) client_id: String,
    pub(crate) clean_session: bool,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) will: Option<Will>,
    /// MQTT 5: a connection has stood, so `CleanStart::FirstOnly` no longer starts clean.
    pub(crate) connected_before: bool,
}

impl Profile {
    /// The plan of an attempt.
    pub(crate) fn plan(&self) -> Result<Plan> {
        if self.host.is_empty() {
            return Err(Error::NoConnectionRequested);
        }
        let clean = match (self.version, self.clean_start) {
            (Protocol::V5, CleanStart::Always) => true,
            (Protocol::V5, CleanStart::Never) => false,
            (Protocol::V5, CleanStart::FirstOnly) => !self.connected_before,
            _ => self.clean_session,
        };
        let opening = Opening {
            keepalive: keepalive_seconds(self.keepalive)?,
            will: self.will.clone(),
            credentials: self.credentials.clone(),
        };
        let max_packet = match self.properties.maximum_packet_size {
            Some(size) if self.version == Protocol::V5 => size as usize,
            _ => LARGEST_PACKET,
        };
        Ok(Plan {
            host: self.host.clone(),
            port: self.port,
            timeout: self.connect_timeout,
            version: self.version,
            client_id: self.client_id.clone(),
            clean,
            properties: self.properties.clone(),
            opening,
            max_packet,
        })
    }
}
