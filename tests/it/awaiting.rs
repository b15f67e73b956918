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
use crate::support::wait::{DEADLINE, Probe, returns};

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
    woken: Probe<usize>,
    tell: Sender<usize>,
}

impl Waiting {
    /// Polls each once; none is over.
    fn on(infos: &[pmc::MessageInfo]) -> Self {
        let (tell, woken) = Probe::pair();
        let futures = infos.iter().map(|info| Box::pin(info.clone().into_future())).enumerate().collect();
        let mut waiting = Self { futures, woken, tell };
        for number in 0..infos.len() {
            assert!(waiting.poll(number).is_none(), "nothing is confirmed yet");
        }
        waiting
    }

    /// The outcome, once it is there.
    fn poll(&mut self, number: usize) -> Option<pmc::Result<()>> {
        let waker = Waker::from(Arc::new(Number(number, self.tell.clone())));
        let future = self.futures.get_mut(&number)?;
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => {
                self.futures.remove(&number);
                Some(outcome)
            }
            Poll::Pending => None,
        }
    }

    /// Goes on until all are over; their outcomes.
    #[track_caller]
    fn finish(mut self) -> Vec<pmc::Result<()>> {
        let mut outcomes = Vec::new();
        while !self.futures.is_empty() {
            let number = self.woken.next(&format!("the wake of one of {} futures", self.futures.len()));
            outcomes.extend(self.poll(number));
        }
        outcomes
    }
}

/// A broker that confirms all messages when it is told to.
fn patient() -> (ScriptedBroker, Sender<()>) {
    let (go, wait) = channel::<()>();
    let broker = ScriptedBroker::run(move |peer| {
        peer.accept();
        let ids: Vec<u16> = (0..MESSAGES).map(|_| peer.expect_publish().id).collect();
        let _ = wait.recv_timeout(DEADLINE);
        ids.into_iter().for_each(|id| peer.puback(id));
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
        let waiting = Waiting::on(&infos);
        if busy {
            go.send(()).expect("the script waits");
            begun.next("the busy callback");
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
        let waiting = Waiting::on(&infos);
        if confirmed {
            go.send(()).expect("the script waits");
            begun.next("the busy callback");
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
        for outcome in waiting.finish() {
            match outcome {
                Ok(()) => assert!(confirmed),
                Err(error) => assert!(matches!(error, Error::Dropped), "{error:?}"),
            }
        }
        drop(release);
        broker.finish();
    }
}
