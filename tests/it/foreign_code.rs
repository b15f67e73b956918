//! Code of the program's that runs on threads of the library's, besides callbacks: wakers, and the end of what closures
//! have captured. A panic there ends there.
//!
//! Each case has a process of its own: what it breaks would be the others'.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Wake, Waker};

use rappel as pmc;

use crate::support::client::{HOST, quick};
use crate::support::mosquitto::Mosquitto;
use crate::support::scripted::ScriptedBroker;
use crate::support::trials::alone;
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

/// Says that it ends and panics, once it is armed.
struct Bomb {
    ended: Sender<()>,
    armed: Arc<AtomicBool>,
}

impl Bomb {
    fn armed() -> (Self, Probe<()>) {
        let (ended, end) = Probe::pair();
        (Self { ended, armed: Arc::new(AtomicBool::new(true)) }, end)
    }

    /// It may be captured and does nothing.
    fn hold(&self) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        let _ = self.ended.send(());
        assert!(!self.armed.swap(false, Ordering::SeqCst), "the end of a captured value");
    }
}

/// A client still publishes, gets its callbacks and leaves in order.
#[track_caller]
fn lives(client: &pmc::Client) {
    let (tell, confirmed) = Probe::pair();
    client.on_publish(move |_, _, mid, _, _| {
        let _ = tell.send(mid);
    });
    for qos in 0..=2 {
        let info = client.publish("t", "x", qos).expect("connected");
        info.wait_for_publish(DEADLINE).expect("confirmed");
        assert_eq!(confirmed.next("on_publish"), info.mid());
    }
}

/// Wakes by a panic.
struct WakesByPanic(Sender<()>);

impl Wake for WakesByPanic {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
        panic!("a waker of the test");
    }
}

/// Panics where the last of its wakers ends.
struct EndsByPanic {
    #[allow(dead_code, reason = "its end is what counts")]
    bomb: Bomb,
    woken: Sender<()>,
}

impl Wake for EndsByPanic {
    fn wake(self: Arc<Self>) {
        let _ = self.woken.send(());
    }
}

/// Has a message confirmed whose future waits with `waker`. The broker's answer comes only when all is ready.
fn confirm_with(waker: Waker, looping: bool) {
    let (go, wait) = channel::<()>();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let message = peer.expect_publish();
        let _ = wait.recv_timeout(DEADLINE);
        peer.puback(message.id);
        for _ in 0..2 {
            let message = peer.expect_publish();
            peer.puback(message.id);
        }
        peer.expect_disconnect();
    });
    let client = quick();
    client.connect(HOST, broker.port()).expect("accepted");
    if looping {
        client.loop_start().expect("a loop");
    }
    let info = client.publish("t", "x", 1).expect("connected");
    let mut future = Box::pin(info.clone().into_future());
    assert!(matches!(future.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending));
    drop(waker);
    go.send(()).expect("the script waits");
    wait_until("the confirmation", DEADLINE, || info.is_published());
    // Behind it, on the same connection and the same threads.
    for _ in 0..2 {
        client.publish("t", "y", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    }
    drop(future);
    let leaving = client.clone();
    returns("disconnect", move || leaving.disconnect()).expect("all is confirmed");
    broker.finish();
    returns("the drop", move || drop(client));
}

#[test]
fn a_waker_that_panics_stops_nothing() {
    alone("foreign_code::wakers_that_panic", &[]);
}

#[test]
#[ignore = "run by a_waker_that_panics_stops_nothing, alone in its process"]
fn wakers_that_panic() {
    let real = Mosquitto::start();
    let other = quick();
    other.connect(HOST, real.port()).expect("a broker");
    other.loop_start().expect("a loop");
    for looping in [true, false] {
        let (tell, woken) = Probe::pair();
        confirm_with(Waker::from(Arc::new(WakesByPanic(tell))), looping);
        woken.next("the waker");
        lives(&other);

        let ((bomb, end), (woken, wake)) = (Bomb::armed(), Probe::pair());
        confirm_with(Waker::from(Arc::new(EndsByPanic { bomb, woken })), looping);
        wake.next("the waker");
        end.next("its end");
        lives(&other);
    }
    other.disconnect().expect("connected");
}

#[test]
fn a_captured_value_that_panics_stops_nothing() {
    alone("foreign_code::captured_values_that_panic", &[]);
}

#[test]
#[ignore = "run by a_captured_value_that_panics_stops_nothing, alone in its process"]
fn captured_values_that_panic() {
    let real = Mosquitto::start();
    let connected = || {
        let client = quick();
        client.connect(HOST, real.port()).expect("a broker");
        client.loop_start().expect("a loop");
        client
    };
    // A callback that replaces itself, and one that takes itself away.
    for replace in [true, false] {
        let client = connected();
        let (bomb, end) = Bomb::armed();
        client.on_publish(move |client, _, _, _, _| {
            bomb.hold();
            match replace {
                true => client.on_publish(|_, _, _, _, _| {}),
                false => client.on_publish_clear(),
            }
        });
        client.publish("t", "x", 1).expect("connected");
        end.next("the end of the value");
        lives(&client);
        client.loop_stop().expect("the loop goes on");
        client.loop_start().expect("and ends");
        lives(&client);
        client.disconnect().expect("connected");
    }
    // A topic's callback, from inside; one that is replaced from outside, while the loop runs.
    let client = connected();
    let (bomb, end) = Bomb::armed();
    client
        .message_callback_add("t", move |client, _, _| {
            bomb.hold();
            client.message_callback_remove("t");
        })
        .expect("valid");
    client.subscribe("t", 1).expect("connected");
    client.publish("t", "x", 1).expect("connected").wait_for_publish(DEADLINE).expect("confirmed");
    end.next("the end of the value");
    lives(&client);
    let (bomb, end) = Bomb::armed();
    client.on_message(move |_, _, _| bomb.hold());
    client.on_message_clear();
    end.next("the end of the value");
    lives(&client);
    // The end of the client itself, in a thread of the program's and in a callback.
    let (bomb, end) = Bomb::armed();
    client.on_message(move |_, _, _| bomb.hold());
    returns("the drop", move || drop(client));
    end.next("the end of the value");

    let client = connected();
    let ((bomb, end), (handle, last)) = (Bomb::armed(), channel::<pmc::Client>());
    client.on_message(move |_, _, _| bomb.hold());
    client.on_publish(move |_, _, _, _, _| drop(last.recv_timeout(DEADLINE)));
    client.publish("t", "x", 1).expect("connected");
    handle.send(client).expect("the callback waits");
    end.next("the end of the value");

    let client = connected();
    lives(&client);
    client.disconnect().expect("connected");
}
