//! Every `await` of a message comes to its end, also when the loop or the client ends before.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rappel as pmc;
use rappel::Error;

use crate::support::client::{HOST, quick};
use crate::support::scripted::ScriptedBroker;
use crate::support::wait::{DEADLINE, Probe, returns, wait_until};

/// How many messages are waited for.
const MESSAGES: usize = 200;

/// Says which future was woken.
struct Number(usize, Sender<usize>);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        let _ = self.1.send(self.0);
    }
}

/// Futures that are polled when they were woken, and only then.
struct Waiting {
    futures: HashMap<usize, Pin<Box<pmc::PublishFuture>>>,
    outcomes: Vec<pmc::Result<()>>,
    woken: Probe<usize>,
    tell: Sender<usize>,
}

impl Waiting {
    /// Polls each once; none is over.
    fn on(infos: &[pmc::MessageInfo]) -> Self {
        let (tell, woken) = Probe::pair();
        let futures = infos.iter().map(|info| Box::pin(info.clone().into_future())).enumerate().collect();
        let mut waiting = Self { futures, outcomes: Vec::new(), woken, tell };
        waiting.poll_all();
        assert!(waiting.outcomes.is_empty(), "nothing is confirmed yet");
        waiting
    }

    /// Polls those that are left, as a runtime may do at any time; they wait on with new wakers.
    fn poll_all(&mut self) {
        let left: Vec<usize> = self.futures.keys().copied().collect();
        left.into_iter().for_each(|number| self.poll(number));
        self.woken.rest();
    }

    fn poll(&mut self, number: usize) {
        let waker = Waker::from(Arc::new(Number(number, self.tell.clone())));
        let Some(future) = self.futures.get_mut(&number) else { return };
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.futures.remove(&number);
            self.outcomes.push(outcome);
        }
    }

    /// Goes on until all are over; their outcomes.
    #[track_caller]
    fn finish(mut self) -> Vec<pmc::Result<()>> {
        while !self.futures.is_empty() {
            let number = self.woken.next(&format!("the wake of one of {} futures", self.futures.len()));
            self.poll(number);
        }
        self.outcomes
    }
}

/// A broker that confirms all messages when it is told to, and none when nobody will.
fn patient() -> (ScriptedBroker, Sender<()>) {
    let (go, wait) = channel::<()>();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let ids: Vec<u16> = (0..MESSAGES).map(|_| peer.expect_publish().id).collect();
        if wait.recv_timeout(DEADLINE).is_ok() {
            ids.into_iter().for_each(|id| peer.puback(id));
        }
        peer.read_to_eof();
    });
    (broker, go)
}

/// A client with messages under way.
fn publishing(port: u16) -> (pmc::Client, Vec<pmc::MessageInfo>) {
    let client = quick();
    client.max_inflight_messages_set(0);
    client.connect(HOST, port).expect("accepted");
    client.loop_start().expect("a loop");
    let infos = (0..MESSAGES).map(|number| client.publish("t", number, 1).expect("connected")).collect();
    (client, infos)
}

#[test]
fn the_end_of_the_loop_leaves_no_future_behind() {
    // Confirmed after the loop's end, and before it behind a callback that is busy.
    for busy in [false, true] {
        let (broker, go) = patient();
        let (client, infos) = publishing(broker.port());
        let (tell, begun) = Probe::pair();
        let (release, wait) = channel::<()>();
        let mut first = true;
        client.on_publish(move |_, _, _, _, _| {
            if busy && std::mem::take(&mut first) {
                let _ = tell.send(());
                let _ = wait.recv_timeout(5 * DEADLINE);
            }
        });
        let mut waiting = Waiting::on(&infos);
        if busy {
            go.send(()).expect("the script waits");
            begun.next("the busy callback");
            wait_until("the confirmations", DEADLINE, || infos.iter().all(pmc::MessageInfo::is_published));
            waiting.poll_all();
            let (stopping, (tell, stopped)) = (client.clone(), Probe::pair());
            thread::spawn(move || tell.send(stopping.loop_stop()));
            drop(release);
            stopped.next("the end of the loop").expect("a loop");
        } else {
            client.loop_stop().expect("a loop");
            go.send(()).expect("the script waits");
        }
        for outcome in waiting.finish() {
            outcome.expect("confirmed");
        }
        let leaving = client.clone();
        returns("disconnect", move || leaving.disconnect()).expect("all is confirmed");
        broker.finish();
    }
}

#[test]
fn the_end_of_the_client_leaves_no_future_behind() {
    // Confirmed and not yet reported when it ends; and never confirmed.
    for confirmed in [true, false] {
        let (broker, go) = patient();
        let (client, infos) = publishing(broker.port());
        let (tell, begun) = Probe::pair();
        let (release, wait) = channel::<()>();
        let mut first = true;
        client.on_publish(move |_, _, _, _, _| {
            if std::mem::take(&mut first) {
                let _ = tell.send(());
                let _ = wait.recv_timeout(5 * DEADLINE);
            }
        });
        let mut waiting = Waiting::on(&infos);
        if confirmed {
            go.send(()).expect("the script waits");
            begun.next("the busy callback");
            wait_until("the confirmations", DEADLINE, || infos.iter().all(pmc::MessageInfo::is_published));
            waiting.poll_all();
        }
        drop(infos);
        let (tell, dropped) = Probe::pair();
        thread::spawn(move || {
            drop(client);
            tell.send(())
        });
        dropped.next("the drop");
        if !confirmed {
            drop(go);
        }
        // The future of the message whose callback is busy waits for the callback.
        drop(release);
        for outcome in waiting.finish() {
            match outcome {
                Ok(()) => assert!(confirmed),
                Err(error) => assert!(matches!(error, Error::Dropped), "{error:?}"),
            }
        }
        broker.finish();
    }
}
