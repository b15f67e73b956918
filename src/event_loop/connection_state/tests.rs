//! Where the state goes, without network and loop.

use super::*;
use crate::mqtt::{Connack, ConnectPacket};
use crate::net::Watch;
use crate::types::{PacketType, Properties, Protocol, ReasonCode};

const SECOND: Duration = Duration::from_secs(1);

fn cell(retries: bool) -> ConnectionCell {
    ConnectionCell::new(SECOND, 120 * SECOND, retries, || 0.0)
}

fn accept(cell: &ConnectionCell, id: ConnectionId) -> bool {
    let code = ReasonCode::new(PacketType::Connack, 0);
    cell.accepted(id, &Connack { session_present: false, code, properties: Properties::new() }, &mut || {})
}

fn cut() -> Error {
    Error::ConnectionLost { code: ReasonCode::new(PacketType::Disconnect, 128) }
}

/// Loses connection `id` and tells the program.
fn lose(cell: &ConnectionCell, id: ConnectionId, now: Instant) {
    cell.lost(id, cut(), false);
    assert!(!cell.is_connected());
    cell.told_lost(id, now);
}

fn due_after(cell: &ConnectionCell, now: Instant) -> Option<Duration> {
    cell.next_due().map(|at| at - now)
}

#[test]
fn a_lost_connection_is_made_again_after_growing_delays() {
    let (cell, now) = (cell(true), Instant::now());
    let first = cell.begin(false);
    assert!(accept(&cell, first) && cell.is_connected());
    lose(&cell, first, now);
    assert_eq!(due_after(&cell, now), Some(SECOND));
    assert_eq!(cell.begin_due(now), None);
    let second = cell.begin_due(now + SECOND).expect("it is time");
    cell.give_up(second, &Error::Dropped, now);
    assert_eq!(due_after(&cell, now), Some(2 * SECOND));
    let third = cell.begin_due(now + 2 * SECOND).expect("it is time");
    assert!(accept(&cell, third));
    lose(&cell, third, now);
    assert_eq!(due_after(&cell, now), Some(SECOND));
}

#[test]
fn what_an_old_connection_tells_changes_nothing() {
    let (cell, now) = (cell(true), Instant::now());
    let first = cell.begin(false);
    let second = cell.begin(false);
    assert!(!cell.is_wanted(first) && !accept(&cell, first));
    cell.lost(first, cut(), false);
    cell.give_up(first, &Error::Dropped, now);
    assert!(accept(&cell, second));
    assert_eq!(cell.wait_outcome(second, now).map(|outcome| outcome.is_ok()), Some(true));
    assert!(matches!(cell.wait_outcome(first, now), Some(Err(Error::Cancelled))));
}

#[test]
fn what_was_accepted_was_accepted_whatever_a_callback_does_at_once() {
    let (cell, now) = (cell(true), Instant::now());
    let first = cell.begin(false);
    accept(&cell, first);
    cell.begin(true);
    assert!(matches!(cell.wait_outcome(first, now), Some(Ok(()))));
}

#[test]
fn without_retries_the_loop_ends_with_the_cause() {
    let (cell, now) = (cell(false), Instant::now());
    let first = cell.begin(false);
    accept(&cell, first);
    cell.lost(first, cut(), false);
    assert!(cell.outcome().is_none(), "on_disconnect comes first");
    cell.told_lost(first, now);
    assert!(matches!(cell.outcome(), Some(Err(Error::ConnectionLost { .. }))));
}

#[test]
fn what_the_program_waits_for_is_not_tried_again() {
    let (cell, now) = (cell(true), Instant::now());
    let first = cell.begin(false);
    assert!(!cell.failed(first, &Error::Dropped), "the call says so itself");
    assert!(matches!(cell.wait_outcome(first, now), Some(Err(Error::Dropped))));
    assert!(cell.is_idle());
}

#[test]
fn a_callback_does_not_relieve_the_loop_of_its_connection() {
    let (cell, now) = (cell(true), Instant::now());
    let first = cell.begin(false);
    accept(&cell, first);
    cell.lost(first, cut(), false);
    let second = cell.begin(true);
    cell.failed(second, &Error::Dropped);
    assert!(due_after(&cell, now).is_some());
}

#[test]
fn the_first_connection_is_tried_again_only_on_demand() {
    let now = Instant::now();
    for retry in [false, true] {
        let cell = cell(true);
        cell.retry_first_set(retry);
        cell.want(now, false);
        let first = cell.begin_due(now).expect("it is time");
        assert!(cell.failed(first, &Error::Dropped), "the loop says so");
        assert_eq!(cell.next_due().is_some(), retry);
        assert_eq!(cell.outcome().is_some(), !retry);
    }
}

#[test]
fn no_call_in_a_callback_shortens_the_wait() {
    let (cell, now) = (cell(true), Instant::now());
    cell.want(now, false);
    for doubled in [1, 2, 4, 8] {
        let id = cell.begin_due(now + 300 * SECOND).expect("it is time");
        cell.give_up(id, &Error::Dropped, now);
        cell.want(now, true);
        assert_eq!(due_after(&cell, now), Some(doubled * SECOND));
    }
}

#[test]
fn an_orderly_end_is_no_loss() {
    let (cell, now) = (cell(true), Instant::now());
    assert_eq!(cell.close(), Close::NothingToDo);
    let first = cell.begin(false);
    accept(&cell, first);
    assert_eq!(cell.close(), Close::Finish(first));
    assert!(cell.is_connected() && cell.is_ending(first));
    cell.lost(first, cut(), false);
    assert!(cell.was_closed(first) && cell.is_ending(first));
    cell.told_lost(first, now);
    assert!(matches!(cell.outcome(), Some(Ok(()))));
}

#[test]
fn disconnect_stops_what_is_under_way() {
    let (cell, now) = (cell(true), Instant::now());
    let first = cell.begin(false);
    assert_eq!(cell.close(), Close::Abort(first));
    assert!(!accept(&cell, first));
    let second = cell.begin(false);
    accept(&cell, second);
    lose(&cell, second, now);
    assert_eq!(cell.close(), Close::Done);
    assert!(cell.next_due().is_none());
}

#[test]
fn another_client_is_suspected_only_where_no_attempt_failed_in_between_and_no_packet_is_to_blame() {
    let now = Instant::now();
    for (broker_was_gone, packet) in [(false, false), (true, false), (false, true)] {
        let cell = cell(true);
        let mut suspected = Vec::new();
        for round in 0..6 {
            let id = if round == 0 { cell.begin(false) } else { cell.begin_due(now + 300 * SECOND).expect("time") };
            accept(&cell, id);
            cell.lost(id, cut(), packet);
            suspected.push(cell.may_be_taken_over().is_some());
            cell.told_lost(id, now);
            if broker_was_gone {
                let id = cell.begin_due(now + 300 * SECOND).expect("it is time");
                cell.give_up(id, &Error::Dropped, now);
            }
        }
        assert_eq!(suspected, [false, false, false, false, !broker_was_gone && !packet, false]);
    }
}

#[test]
fn a_broker_of_long_ago_is_asked_again_at_once() {
    let now = Instant::now();
    let code = |value| ReasonCode::new(PacketType::Connack, value);
    let packet = |version, id: &str| ConnectPacket { version, client_id: id.into(), ..ConnectPacket::default() };
    for (refused, id, retries, again) in [
        (132, "c", true, true),
        (132, "", true, true),
        (133, "", true, true),
        (133, "c", true, false),
        (132, "c", false, false),
    ] {
        let cell = cell(retries);
        let first = cell.begin(false);
        assert_eq!(cell.refused(first, &packet(Protocol::V311, id), code(refused)), !again);
        assert!(!cell.failed(first, &Error::Dropped));
        let next = cell.next_attempt(first);
        assert_eq!(next.is_some(), again, "{refused} {id:?}");
        assert_eq!(
            (cell.has_stepped_down(), cell.assigned_client_id().is_some()),
            (again && refused == 132, again && id.is_empty())
        );
        if let Some(next) = next {
            assert!(cell.refused(next, &packet(Protocol::V31, "c"), code(refused)), "only once");
        }
    }
    let cell = cell(true);
    cell.want(now, false);
    let first = cell.begin_due(now).expect("it is time");
    assert!(!cell.refused(first, &packet(Protocol::V311, "c"), code(132)));
    assert!(!cell.failed(first, &Error::Dropped), "it is not told");
    assert!(cell.begin_due(Instant::now()).is_some(), "at once");
}

/// A cell with three brokers, on ports 1 to 3.
fn cell_of_three() -> ConnectionCell {
    let cell = cell(true);
    let nodes = [1, 2, 3].map(|port| Node { host: "h".into(), port });
    cell.aim_at(Brokers::new(nodes.into(), false));
    cell
}

fn port(cell: &ConnectionCell) -> u16 {
    cell.node().map_or(0, |node| node.port)
}

fn refusal(code: u8) -> Error {
    let code = ReasonCode::new(PacketType::Connack, code);
    Error::Refused { host: "h".into(), port: 1, code, properties: Properties::new() }
}

#[test]
fn a_round_over_the_brokers_has_one_delay() {
    let (cell, now) = (cell_of_three(), Instant::now());
    cell.retry_first_set(true);
    cell.want(now, false);
    for delay in [1, 2, 4] {
        for expected in [1, 2, 3] {
            assert_eq!(port(&cell), expected);
            let id = cell.begin_due(now + 300 * SECOND).expect("it is time");
            cell.give_up(id, &refusal(136), now);
            assert_eq!(due_after(&cell, now), Some(if expected < 3 { Duration::ZERO } else { delay * SECOND }));
        }
    }
}

#[test]
fn the_programs_call_goes_on_by_itself_to_the_end_of_the_round() {
    let cell = cell_of_three();
    let mut id = cell.begin(false);
    for expected in [1, 2, 3] {
        assert_eq!(port(&cell), expected);
        assert!(!cell.failed(id, &Error::Dropped));
        let next = cell.next_attempt(id);
        assert_eq!((next.is_some(), cell.is_idle()), (expected < 3, expected == 3));
        id = next.unwrap_or(id);
    }
}

#[test]
fn what_all_brokers_would_refuse_ends_the_round_and_the_next_begins_elsewhere() {
    let (cell, now) = (cell_of_three(), Instant::now());
    cell.retry_first_set(true);
    cell.want(now, false);
    let id = cell.begin_due(now).expect("it is time");
    cell.give_up(id, &refusal(135), now);
    assert_eq!((port(&cell), due_after(&cell, now)), (2, Some(SECOND)));
}

/// A connection with the first broker, which has stood for a while.
fn standing() -> (ConnectionCell, ConnectionId) {
    let cell = cell_of_three();
    let id = cell.begin(false);
    accept(&cell, id);
    let since = Instant::now().checked_sub(30 * SECOND).expect("the machine runs for longer");
    cell.change(|inner| inner.state = ConnectionState::Connected { id, since });
    (cell, id)
}

#[test]
fn a_broker_that_has_served_is_asked_first_where_the_connection_broke() {
    let now = Instant::now();
    let lost = |code| Error::ConnectionLost { code: ReasonCode::new(PacketType::Disconnect, code) };
    for (code, expected) in [(128, [1, 2, 3]), (141, [2, 3, 1]), (139, [2, 3, 1])] {
        let (cell, id) = standing();
        cell.lost(id, lost(code), false);
        cell.told_lost(id, now);
        // Nobody waits before the round is over.
        let at_once = [true, true, code == 128];
        for (expected, at_once) in expected.into_iter().zip(at_once) {
            assert_eq!((port(&cell), due_after(&cell, now) == Some(Duration::ZERO)), (expected, at_once), "{code}");
            let id = cell.begin_due(now + SECOND).expect("it is time");
            cell.give_up(id, &Error::Dropped, now);
        }
    }
}

#[test]
fn brokers_that_accept_and_hang_up_are_asked_once_a_round() {
    let (cell, now) = (cell_of_three(), Instant::now());
    let mut id = cell.begin(false);
    for (next, delay) in [(2, 0), (3, 0), (1, 1), (2, 0), (3, 0), (1, 1)] {
        accept(&cell, id);
        lose(&cell, id, now);
        assert_eq!((port(&cell), due_after(&cell, now)), (next, Some(delay * SECOND)));
        id = cell.begin_due(now + SECOND).expect("it is time");
    }
}

#[test]
fn another_client_is_suspected_after_as_many_rounds_as_with_one_broker() {
    let (cell, now) = (cell_of_three(), Instant::now());
    let mut id = cell.begin(false);
    for count in 1..=15 {
        accept(&cell, id);
        cell.lost(id, cut(), false);
        assert_eq!(cell.may_be_taken_over(), (count == 15).then_some(15));
        cell.told_lost(id, now);
        id = cell.begin_due(now + SECOND).expect("it is time");
    }
}

#[test]
fn what_is_told_names_its_broker() {
    let cell = cell_of_three();
    let told = |cell: &ConnectionCell| cell.told_node().map(|node| node.port);
    let first = cell.begin(false);
    let packet = ConnectPacket { version: Protocol::V5, ..ConnectPacket::default() };
    assert!(cell.refused(first, &packet, ReasonCode::new(PacketType::Connack, 136)));
    cell.failed(first, &refusal(136));
    let second = cell.next_attempt(first).expect("another broker");
    accept(&cell, second);
    assert_eq!((port(&cell), told(&cell)), (2, Some(2)));
    cell.telling(first);
    assert_eq!((port(&cell), told(&cell)), (2, Some(1)));
    cell.telling(second);
    assert_eq!(told(&cell), Some(2));
    let before = cell.tell_of(None);
    assert_eq!(told(&cell), Some(2), "what is in use, before anything is told");
    cell.tell_of(before);
}
