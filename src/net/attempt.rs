//! Attempts to connect, up to the socket, on threads that may wait for names and networks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::event::ConnectionId;
use crate::mqtt::{Connack, ConnectPacket, ServerId};
use crate::net::Network;
use crate::net::dial;
use crate::net::pipe::Pipe;
use crate::net::proxy;
use crate::net::reactor::Reactor;
use crate::net::route::Route;
use crate::net::wire;
use crate::sync::{lock, spawn};
use crate::types::{Bind, Error, Result, Transport};

/// Attempts that are made at the same time, from the name to the broker's answer; the others wait in line, and their time limit
/// runs. Brokers have room for a hundred callers that they have not accepted, and each one more costs that one a second.
const THREADS: usize = 32;

/// How a connection is to be made.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: ConnectionId,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With whom the client's session is there: the broker, or the cluster to which it belongs.
    pub(crate) session_keeper: String,
    pub(crate) bind: Bind,
    pub(crate) route: Route,
    /// For everything from the name to CONNACK.
    pub(crate) timeout: Duration,
    /// When that is over.
    pub(crate) deadline: Instant,
    pub(crate) packet: ConnectPacket,
    /// The largest packet accepted from the broker, in bytes.
    pub(crate) max_packet: usize,
}

impl Plan {
    /// Whose session it is, once the broker has accepted.
    pub(crate) fn server(&self, connack: &Connack) -> ServerId {
        let client_id = connack.properties.assigned_client_identifier.as_ref().unwrap_or(&self.packet.client_id);
        format!("{} {client_id}", self.session_keeper)
    }

    /// What is to be said when its time is over while it waits for `stage`.
    pub(crate) fn too_late(&self, stage: &'static str) -> Error {
        let (host, port, seconds) = (self.host.clone(), self.port, self.timeout.as_secs_f64());
        Error::ConnectTimeout { host, port, seconds, stage }
    }
}

struct Attempts {
    /// A client that is gone while its attempt waits, or hangs, is not kept alive by it.
    waiting: VecDeque<(Weak<Network>, Plan)>,
    threads: usize,
}

static ATTEMPTS: Mutex<Attempts> = Mutex::new(Attempts { waiting: VecDeque::new(), threads: 0 });

/// Makes the connection of `plan` as soon as a thread is free.
pub(crate) fn start(network: &Arc<Network>, plan: Plan) {
    let mut attempts = lock(&ATTEMPTS);
    attempts.waiting.push_back((Arc::downgrade(network), plan));
    if attempts.threads >= THREADS {
        return;
    }
    attempts.threads += 1;
    drop(attempts);
    if let Err(error) = spawn("rappel-connect", Box::new(work)) {
        let mut attempts = lock(&ATTEMPTS);
        attempts.threads -= 1;
        // With other threads at work, one of them will come to it.
        let stranded = if attempts.threads == 0 { std::mem::take(&mut attempts.waiting) } else { VecDeque::new() };
        drop(attempts);
        for (network, plan) in stranded {
            if let Some(network) = network.upgrade() {
                network.failed(plan.id, Error::Engine { problem: format!("no thread could be started: {error}") });
            }
        }
    }
}

/// A thread's life: one attempt after the other, until none is waiting.
fn work() {
    loop {
        let mut attempts = lock(&ATTEMPTS);
        let Some((network, plan)) = attempts.waiting.pop_front() else {
            attempts.threads -= 1;
            return;
        };
        drop(attempts);
        let id = plan.id;
        if let Err(error) = connect(&network, plan)
            && let Some(network) = network.upgrade()
        {
            network.failed(id, error);
        }
    }
}

/// Makes the system's connection.
fn reach(plan: &Plan) -> Result<Pipe> {
    if let Some(broker) = &plan.route.recorder {
        return Ok(Pipe::recorder(broker));
    }
    match plan.route.transport {
        Transport::Unix => dial::unix(&plan.host, plan.deadline),
        Transport::Tcp | Transport::WebSockets => {
            let proxy = match &plan.route.proxy {
                Some(proxy) => Some(proxy.clone()),
                None => proxy::from_environment(&plan.host)?,
            };
            match proxy {
                Some(proxy) => proxy::through(&proxy, plan),
                None => dial::tcp(&plan.host, plan.port, plan.bind, plan.deadline),
            }
        }
    }
}

fn connect(network: &Weak<Network>, plan: Plan) -> Result<()> {
    match network.upgrade().filter(|network| network.watch.is_wanted(plan.id)) {
        Some(network) => network.start_engine()?,
        None => return Ok(()),
    }
    let pipe = reach(&plan)?;
    let leaves = pipe.leaves_the_machine();
    if let Some(network) = network.upgrade()
        && let Some(notice) = network.clear_password.notice(&plan.packet, &plan.host, &plan.route, leaves)
    {
        log::warn!("{notice}");
    }
    let wire = wire::open(pipe, &plan)?;
    let Some(network) = network.upgrade() else {
        return Ok(());
    };
    let (id, watch, now) = (plan.id, Arc::clone(&network.watch), Instant::now());
    // A silent broker keeps the others in line no longer than leaves them time of their own.
    let patience = plan.deadline.saturating_duration_since(now) / 2;
    let problem = |error: std::io::Error| Error::Engine { problem: format!("the socket cannot be used: {error}") };
    let reactor = Reactor::get().map_err(problem)?;
    let mut attached = Ok(());
    network.act(|connection| {
        let token = network.channel.broker_token();
        attached = connection.attach(wire, reactor.registry(), token, plan);
    });
    network.channel.notify();
    drop(network);
    attached.map_err(problem)?;
    watch.wait_for_end(id, now + patience);
    Ok(())
}
