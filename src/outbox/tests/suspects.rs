//! Outbox and session against brokers that hang up without a word, and lines that are cut by chance; the time is made up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::*;
use crate::mqtt::{Ack, Connack, ConnectPacket, FilterAck, Loss, Packet, Received};
use crate::types::{PacketType, Protocol, ReasonCode};

const ROUND_TRIP: Duration = Duration::from_millis(10);
/// A keep-alive that has no say in what is tested.
const KEEPALIVE: u16 = 1000;

/// A packet of the client's, as the broker reads it.
#[derive(Debug, Clone, PartialEq)]
enum Sent {
    Publish { topic: String, number: u8, qos: u8, id: u16 },
    Release(u16),
    Subscribe { filter: String, id: u16 },
    Unsubscribe(u16),
    Ping,
}

impl Sent {
    fn is_to(&self, name: &str) -> bool {
        match self {
            Sent::Publish { topic, .. } => topic == name,
            Sent::Subscribe { filter, .. } => filter == name,
            _ => false,
        }
    }
}

/// What the line and the broker do with a packet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Answer,
    /// It is taken, and the answer is lost with the connection.
    CutBehind,
    HangUp,
    /// Nothing ever comes back.
    Ignore,
}

struct World {
    queue: Queue,
    session: Session,
    out: SendBuffer,
    now: Instant,
    begun: Instant,
    connections: usize,
    /// What the broker has taken in, each message once: topic, QoS, and the number that is its payload.
    taken: Vec<(String, u8, u8)>,
    /// QoS 2: ids that have not been released.
    unreleased: Vec<u16>,
    confirmed: Vec<u64>,
    answered: Vec<u16>,
    given_up: Vec<String>,
    published: u8,
    seed: u64,
}

fn world() -> World {
    let now = Instant::now();
    World {
        queue: Queue::new(Vec::new(), 0),
        session: Session::new(Protocol::V311, None, now),
        out: SendBuffer::default(),
        now,
        begun: now,
        connections: 0,
        taken: Vec::new(),
        unreleased: Vec::new(),
        confirmed: Vec::new(),
        answered: Vec::new(),
        given_up: Vec::new(),
        published: 0,
        seed: 1,
    }
}

impl World {
    fn publish(&mut self, topic: &str, qos: u8) {
        let qos = Qos::try_from(i32::from(qos)).expect("a QoS");
        self.published = self.published.wrapping_add(1);
        let payload = vec![self.published].into();
        let (retain, properties) = (false, Properties::new());
        let draft =
            Draft { topic: topic.into(), payload, qos, retain, properties, expires_at: None, keep_latest: false };
        self.queue.publish(draft, true).expect("room");
    }

    fn subscribe(&mut self, filter: &str) {
        let filters = Filters::Subscribe(vec![(filter.into(), 1.into())]);
        self.queue.request(filters, Properties::new()).expect("allowed");
    }

    /// A number between 0 and 1.
    fn chance(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn took(&self) -> Duration {
        self.now - self.begun
    }

    /// One connection: ends when it is hung up, cut at `until`, or nothing is left to do or to wait for.
    fn connection(&mut self, until: Duration, fate: &mut impl FnMut(&mut World, &Sent) -> Fate) -> bool {
        let packet = ConnectPacket {
            version: Protocol::V311,
            bridge: false,
            client_id: "c".into(),
            clean: false,
            keepalive: KEEPALIVE,
            will: None,
            credentials: None,
            properties: Properties::new(),
        };
        self.connections += 1;
        let cut_at = self.now.checked_add(until);
        self.session.connect(&packet, self.now, &mut self.out);
        self.out.write_to(&mut Vec::new()).expect("a Vec takes all");
        let code = ReasonCode::new(PacketType::Connack, 0);
        let connack = Connack { session_present: self.connections > 1, code, properties: Properties::new() };
        self.session.connected("broker".into(), &connack);
        self.queue.connected(self.session.limits(), true);
        loop {
            self.session.try_suspects(self.now, &mut self.out);
            for item in self.queue.send_ready(u64::MAX, Instant::now(), &mut self.session, &mut self.out) {
                self.give_up(item);
            }
            let mut bytes = Vec::new();
            self.out.write_to(&mut bytes).expect("a Vec takes all");
            while let Some(message) = self.out.next_written() {
                self.queue.finished(message.share());
            }
            if bytes.is_empty() {
                if self.queue.is_idle() {
                    return true;
                }
                let next = self.session.next_timeout().expect("something is waited for");
                self.now = self.now.max(next);
                if cut_at.is_some_and(|at| at <= self.now) || self.session.timeout(self.now, &mut self.out) {
                    break;
                }
                continue;
            }
            self.now += ROUND_TRIP;
            if cut_at.is_some_and(|at| at <= self.now) {
                // Who knows what of it has arrived.
                break;
            }
            let mut is_over = false;
            for packet in packets(&bytes) {
                let fate = fate(self, &packet);
                if fate == Fate::HangUp {
                    is_over = true;
                    break;
                }
                let answer = self.take(&packet);
                if fate == Fate::CutBehind {
                    is_over = true;
                    break;
                }
                if let (Fate::Answer, Some(answer)) = (fate, answer) {
                    self.receive(answer);
                }
            }
            if is_over {
                break;
            }
        }
        self.now += ROUND_TRIP;
        let interrupted = self.session.disconnected(Loss::HungUp, self.out.written(), self.now);
        self.queue.disconnected(self.out.reset(), interrupted.requests);
        interrupted.given_up.into_iter().for_each(|item| self.give_up(item));
        self.now += Duration::from_secs(1);
        false
    }

    /// Connects until everything is done.
    fn run(&mut self, most: usize, mut fate: impl FnMut(&mut World, &Sent) -> Fate) {
        while !self.connection(Duration::MAX, &mut fate) {
            assert!(self.connections < most, "given up {:?}, taken {:?}", self.given_up, self.taken);
        }
    }

    fn give_up(&mut self, item: RefusedItem) {
        let (message, refused) = match item {
            RefusedItem::Message(message, refused) => (Some(message), refused),
            RefusedItem::Request(_, refused) => (None, refused),
        };
        assert_eq!(refused.code(), 131);
        match message {
            Some(message) => self.queue.finished(message.share()),
            None => self.queue.request_finished(),
        }
        self.given_up.push(Error::from(refused).to_string());
    }

    /// What the broker answers.
    fn take(&mut self, packet: &Sent) -> Option<Packet> {
        let ack = |id| Ack { id, code: 0, properties: Properties::new() };
        let codes = |id| FilterAck { id, codes: vec![1], properties: Properties::new() };
        match *packet {
            Sent::Publish { ref topic, number, qos, id } => {
                let message = (topic.clone(), qos, number);
                if qos == 2 && !self.unreleased.contains(&id) {
                    assert!(!self.taken.contains(&message), "{message:?} twice");
                    self.unreleased.push(id);
                }
                if !self.taken.contains(&message) {
                    self.taken.push(message);
                }
                match qos {
                    0 => None,
                    1 => Some(Packet::Puback(ack(id))),
                    _ => Some(Packet::Pubrec(ack(id))),
                }
            }
            Sent::Release(id) => {
                self.unreleased.retain(|unreleased| *unreleased != id);
                Some(Packet::Pubcomp(ack(id)))
            }
            Sent::Subscribe { id, .. } => Some(Packet::Suback(codes(id))),
            Sent::Unsubscribe(id) => Some(Packet::Unsuback(FilterAck { codes: Vec::new(), ..codes(id) })),
            Sent::Ping => Some(Packet::Pingresp),
        }
    }

    fn receive(&mut self, packet: Packet) {
        match self.session.receive(packet, self.now, &mut self.out).expect("allowed") {
            Some(Received::Published { message, .. }) => {
                self.queue.finished(message.share());
                self.confirmed.push(message.sequence);
            }
            Some(Received::Answered { request, .. }) => {
                self.queue.request_finished();
                self.answered.push(request.id());
            }
            _ => {}
        }
    }

    /// The numbers of what was taken in above QoS 0, for each topic and QoS, in order.
    fn lines(&self) -> HashMap<(&str, u8), Vec<u8>> {
        let mut lines: HashMap<_, Vec<u8>> = HashMap::new();
        for (topic, qos, number) in self.taken.iter().filter(|(_, qos, _)| *qos > 0) {
            lines.entry((topic.as_str(), *qos)).or_default().push(*number);
        }
        lines
    }

    #[track_caller]
    fn check_order(&self) {
        for (line, numbers) in self.lines() {
            assert!(numbers.is_sorted(), "{line:?}: {numbers:?}");
        }
    }
}

fn packets(mut bytes: &[u8]) -> Vec<Sent> {
    let id = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    let mut seen = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (body, next) = rest.split_at(usize::from(*len));
        seen.push(match first >> 4 {
            3 => {
                let (topic, rest) = body[2..].split_at(usize::from(body[1]));
                let qos = first >> 1 & 3;
                let (id, payload) = if qos > 0 { (id(rest), &rest[2..]) } else { (0, rest) };
                let topic = String::from_utf8_lossy(topic).into_owned();
                Sent::Publish { topic, number: payload[0], qos, id }
            }
            6 => Sent::Release(id(body)),
            8 => {
                Sent::Subscribe { filter: String::from_utf8_lossy(&body[4..body.len() - 1]).into_owned(), id: id(body) }
            }
            10 => Sent::Unsubscribe(id(body)),
            12 => Sent::Ping,
            kind => panic!("packet {kind}"),
        });
        bytes = next;
    }
    seen
}

fn but(name: &'static str) -> impl FnMut(&mut World, &Sent) -> Fate {
    move |_, packet| if packet.is_to(name) { Fate::HangUp } else { Fate::Answer }
}

#[test]
fn what_the_broker_hangs_up_on_is_given_up_and_all_else_arrives() {
    for qos in [1, 2] {
        let mut world = world();
        for topic in ["a", "poison", "b", "a", "b"] {
            world.publish(topic, qos);
        }
        world.subscribe("f");
        // Others are answered all the while.
        world.run(20, |world, packet| {
            if packet.is_to("poison") {
                world.publish("b", qos);
                return Fate::HangUp;
            }
            Fate::Answer
        });
        assert_eq!(world.given_up.len(), 1);
        assert!(world.given_up[0].contains("\"poison\""), "{:?}", world.given_up);
        // Three times among others, and three times alone.
        assert!((6..=7).contains(&world.connections), "{}", world.connections);
        assert_eq!((world.confirmed.len(), &*world.answered), (usize::from(world.published) - 1, &[6][..]));
        world.check_order();
    }
}

#[test]
fn what_follows_in_its_line_waits_and_then_goes() {
    let mut world = world();
    world.queue.max_inflight = 2;
    for topic in ["t", "u", "t", "t", "u", "t"] {
        world.publish(topic, 1);
    }
    // Only the first one is bad.
    world.run(20, |_, packet| match packet {
        Sent::Publish { number: 1, .. } => Fate::HangUp,
        _ => Fate::Answer,
    });
    assert_eq!(world.given_up.len(), 1);
    assert_eq!(world.lines(), HashMap::from([(("t", 1), vec![3, 4, 6]), (("u", 1), vec![2, 5])]));
    assert_eq!(world.taken[..2], [("u".into(), 1, 2), ("u".into(), 1, 5)], "another topic does not wait");
}

#[test]
fn a_request_is_given_up_too_and_what_is_about_its_filter_waits() {
    let mut world = world();
    world.subscribe("good");
    world.subscribe("poison");
    world.queue.request(Filters::Unsubscribe(vec!["poison".into()]), Properties::new()).expect("allowed");
    world.subscribe("fine");
    world.run(20, but("poison"));
    assert!(matches!(&world.given_up[..], [error] if error.contains("\"poison\"")), "{:?}", world.given_up);
    assert_eq!(world.answered, [1, 4, 3]);
}

#[test]
fn a_request_that_the_program_has_withdrawn_holds_nothing_up() {
    let mut world = world();
    world.subscribe("poison");
    for _ in 0..3 {
        assert!(!world.connection(Duration::MAX, &mut but("poison")));
    }
    world.queue.forget_requests();
    world.subscribe("poison");
    world.publish("t", 1);
    world.run(20, |_, _| Fate::Answer);
    assert_eq!((&*world.answered, &*world.confirmed, world.given_up.len()), (&[2][..], &[3][..], 0));
}

#[test]
fn where_pings_alone_are_answered_it_takes_its_time() {
    let mut world = world();
    world.publish("poison", 1);
    world.run(20, but("poison"));
    assert_eq!(world.given_up.len(), 1);
    assert!(world.took() > Duration::from_secs(40), "{:?}", world.took());
}

#[test]
fn a_broker_that_takes_nothing_costs_no_message() {
    let mut world = world();
    for topic in ["a", "b", "a", "c"] {
        world.publish(topic, 1);
    }
    world.run(300, |world, _| if world.connections < 200 { Fate::HangUp } else { Fate::Answer });
    assert_eq!((world.given_up.len(), world.confirmed.len()), (0, 4));
    world.check_order();
}

#[test]
fn a_suspect_without_an_answer_holds_up_others_for_a_moment_only() {
    let mut world = world();
    world.publish("slow", 1);
    world.run(4, |world, packet| {
        if packet.is_to("slow") && world.connections < 4 {
            return Fate::HangUp;
        }
        if packet.is_to("slow") {
            world.publish("b", 1);
            return Fate::Ignore;
        }
        if packet.is_to("b") {
            // It was not for nothing.
            world.receive(Packet::Puback(Ack { id: 1, code: 0, properties: Properties::new() }));
        }
        Fate::Answer
    });
    assert_eq!((&*world.confirmed, world.given_up.len()), (&[1, 2][..], 0));
    assert!(world.took() < Duration::from_secs(20), "{:?}", world.took());
}

#[test]
fn others_do_not_wait_long_for_something_else_without_an_answer() {
    let mut world = world();
    world.publish("poison", 1);
    for _ in 0..3 {
        assert!(!world.connection(Duration::MAX, &mut but("poison")));
    }
    world.publish("stuck", 1);
    world.publish("b", 1);
    let mut line = |world: &mut World, packet: &Sent| {
        if packet.is_to("b") {
            world.publish("b", 1);
        }
        if packet.is_to("stuck") { Fate::Ignore } else { Fate::Answer }
    };
    let lasts = Duration::from_secs(30);
    assert!(!world.connection(lasts, &mut line));
    let possible = (lasts.as_millis() / ROUND_TRIP.as_millis()) as usize;
    assert!(world.confirmed.len() > possible * 3 / 4, "{} of {possible}", world.confirmed.len());
}

#[test]
fn a_broker_that_is_restarted_while_it_thinks_costs_no_message() {
    // It answers pings, but takes long over a message, and somebody restarts it every half minute.
    let mut world = world();
    world.publish("slow", 1);
    for _ in 0..100 {
        let mut thinking =
            |_: &mut World, packet: &Sent| if packet.is_to("slow") { Fate::Ignore } else { Fate::Answer };
        assert!(!world.connection(Duration::from_secs(30), &mut thinking));
    }
    world.run(200, |_, _| Fate::Answer);
    assert_eq!((world.given_up.len(), world.confirmed.len()), (0, 1));
}

#[test]
fn connections_cut_by_chance_give_nothing_up_and_keep_the_order() {
    for seed in 1..=4000 {
        let mut world = world();
        world.seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
        // From one cut in fifty packets to three in five; and from one in a second to one in a minute.
        let (rate, mean) = (0.02 * 30_f64.powf(world.chance()), 60_f64.powf(world.chance()));
        world.queue.max_inflight = 1 + (world.chance() * 20.0) as usize;
        while world.published < 60 {
            let topic = ["t", "u", "v"][(world.chance() * 3.0) as usize];
            let qos = (world.chance() * 3.0) as u8;
            world.publish(topic, qos);
        }
        loop {
            let lasts = Duration::from_secs_f64(-mean * world.chance().max(1e-9).ln());
            let mut line = |world: &mut World, _: &Sent| match world.chance() {
                chance if chance >= rate => Fate::Answer,
                chance if chance < rate / 2.0 => Fate::HangUp,
                _ => Fate::CutBehind,
            };
            if world.connection(lasts, &mut line) {
                break;
            }
            assert!(world.connections < 10_000, "seed {seed}: it stands still");
        }
        assert!(world.given_up.is_empty(), "seed {seed}: {:?} after {} cuts", world.given_up, world.connections);
        world.check_order();
    }
}
