//! Who is woken by what the broker says: the network's thread, or the loop's.

use std::io;

use mio::Registry;

use super::{Connection, Ending};
use crate::event::ConnectionId;

impl Connection {
    /// Whether the loop's thread may be woken in the place of the network's: it may not where the engine has a part in it, or
    /// where the broker is kept waiting.
    pub(crate) fn may_be_lent(&self) -> bool {
        let is_direct = self.engine.as_ref().is_some_and(|engine| engine.is_direct());
        is_direct && self.link.as_ref().is_some_and(|link| link.is_open() && !link.paused)
    }

    /// Has the loop's thread woken, by its `poller`, in the place of the network's. `known` is the connection that the poller
    /// has watched last; gives the one that it watches now, if any.
    pub(crate) fn lend(&mut self, poller: &Registry, known: Option<ConnectionId>) -> io::Result<Option<ConnectionId>> {
        let may_be_lent = self.may_be_lent();
        let Some(link) = self.link.as_mut().filter(|_| may_be_lent) else {
            return Ok(None);
        };
        let id = link.plan.id;
        Ok(link.socket.lend(poller, known == Some(id))?.then_some(id))
    }

    /// Whether connection `id` is lent still.
    pub(crate) fn is_lent(&self, id: ConnectionId) -> bool {
        self.link.as_ref().is_some_and(|link| link.plan.id == id) && self.may_be_lent()
    }

    /// The network's thread is woken again by connection `id`.
    pub(crate) fn reclaim(&mut self, id: ConnectionId) {
        if let Some(link) = self.link.as_mut().filter(|link| link.plan.id == id)
            && let Err(error) = link.socket.reclaim()
        {
            self.end(Ending::Network(error));
            self.deliver();
        }
    }
}
