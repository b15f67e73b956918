//! A password that everybody on the way to the broker can read.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::mqtt::ConnectPacket;
use crate::net::route::Route;
use crate::types::Notice;

/// Whether one client's log has said so.
#[derive(Debug, Default)]
pub(super) struct ClearPassword {
    told: AtomicBool,
}

impl ClearPassword {
    /// What the log is to say of `packet` on its way to `host`, once; `leaves`: to another machine.
    pub(super) fn notice(&self, packet: &ConnectPacket, host: &str, route: &Route, leaves: bool) -> Option<Notice> {
        let password = packet.credentials.as_ref().and_then(|credentials| credentials.password.as_ref());
        let in_clear = leaves && route.tls.is_none() && password.is_some();
        let news = in_clear && !self.told.swap(true, Ordering::Relaxed);
        news.then(|| Notice::PasswordInClear { host: host.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Credentials;

    fn connect(password: Option<&str>) -> ConnectPacket {
        let credentials = Credentials { user: "info".into(), password: password.map(|it| it.as_bytes().to_vec()) };
        ConnectPacket { credentials: Some(credentials), ..ConnectPacket::default() }
    }

    fn says(state: &ClearPassword, packet: &ConnectPacket, route: &Route, leaves: bool) -> bool {
        state.notice(packet, "pi.lan", route, leaves).is_some()
    }

    #[test]
    fn it_is_said_once_and_only_of_a_password_that_leaves_the_machine() {
        let (state, clear, secret) = (ClearPassword::default(), Route::default(), connect(Some("Password1234")));
        assert!(!says(&state, &ConnectPacket::default(), &clear, true), "nobody is named");
        assert!(!says(&state, &connect(None), &clear, true), "there is no password");
        assert!(!says(&state, &secret, &clear, false), "it stays on the machine");
        assert!(says(&state, &secret, &clear, true));
        assert!(!says(&state, &secret, &clear, true), "once");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn it_is_not_said_of_an_encrypted_connection() {
        use crate::tls::TlsContext;
        use crate::types::{CertReqs, TlsOptions};

        let context = TlsContext::new(TlsOptions::new().cert_reqs(CertReqs::None)).expect("no files");
        let route = Route { tls: Some(context), ..Route::default() };
        assert!(!says(&ClearPassword::default(), &connect(Some("Password1234")), &route, true));
    }
}
