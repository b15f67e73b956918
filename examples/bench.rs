//! Le client mesuré à côté des autres : un programme de mesure, pas un exercice du cours.
//!
//! Il fait le travail qu'on lui dit (`--mode pub|sub|rtt|queue|fleet|storm`) contre un broker qui ne fait que répondre, et
//! affiche une ligne JSON : débit, temps CPU par message et mémoire, ou temps d'aller-retour. En mode `queue`, les messages sont
//! publiés avant la connexion : la ligne dit aussi ce qu'ils occupent en attendant. En mode `fleet`, `--n` clients partagent
//! les deux threads d'un `LoopPool`, et chacun publie une fois par seconde pendant dix secondes ; en mode `storm`, ils
//! attendent que le broker redémarre, et la ligne dit en combien de temps tous sont de retour.
//!
//! ```sh
//! cargo run --release --example bench -- --port 1883 --mode pub --qos 1 --n 20000 --size 64 --inflight 90
//! ```
//!
//! Sortie attendue : `{"s":0.123456,"rate":162000,"cpu_us":9.100,"rss_mb":12.3}`

use std::fs;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rappel as pmc;

/// What is asked for on the command line.
struct Work {
    port: u16,
    mode: String,
    qos: i32,
    n: usize,
    size: usize,
    inflight: u16,
    engine: Option<pmc::Engine>,
    /// Keep messages in this directory meanwhile.
    persistence: Option<String>,
    /// Encrypt the connection; this file vouches for the broker.
    ca: Option<String>,
}

fn main() -> ExitCode {
    match work().and_then(|work| measure(&work).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<Work, String> {
    let mut work = Work {
        port: 1883,
        mode: "pub".into(),
        qos: 0,
        n: 10_000,
        size: 64,
        inflight: 100,
        engine: None,
        persistence: None,
        ca: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let lexopt::Arg::Long(name) = argument else {
            return Err(
                "usage : bench --port P --mode pub|sub|rtt|queue|fleet|storm --qos Q --n N --size OCTETS --inflight W \
                        --engine paho|native --ca FICHIER --persistence DOSSIER"
                    .into(),
            );
        };
        let name = name.to_owned();
        let value = parser.value().ok().and_then(|value| value.into_string().ok()).unwrap_or_default();
        let bad = |_| format!("valeur invalide pour --{name} : {value:?}");
        match name.as_str() {
            "port" => work.port = value.parse().map_err(bad)?,
            "qos" => work.qos = value.parse().map_err(bad)?,
            "n" => work.n = value.parse().map_err(bad)?,
            "size" => work.size = value.parse().map_err(bad)?,
            "inflight" => work.inflight = value.parse().map_err(bad)?,
            "engine" => {
                work.engine = Some(match value.as_str() {
                    "paho" => pmc::Engine::Paho,
                    "native" => pmc::Engine::Native,
                    _ => return Err(format!("moteur inconnu : {value} (paho ou native)")),
                });
            }
            "mode" => work.mode = value,
            "persistence" => work.persistence = Some(value),
            "ca" => work.ca = Some(value),
            _ => return Err(format!("option inconnue : --{name}")),
        }
    }
    Ok(work)
}

/// What the callbacks tell.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Subscribed,
    Message,
    Done,
}

fn measure(work: &Work) -> pmc::Result<()> {
    if ["fleet", "storm"].contains(&&*work.mode) {
        return fleet(work);
    }
    let client = client(work)?;
    client.max_inflight_messages_set(work.inflight);
    let (signs, heard) = mpsc::channel();
    let (subscribed, message, published) = (signs.clone(), signs.clone(), signs);
    client.on_subscribe(move |_, _, _, _, _| {
        let _ = subscribed.send(Sign::Subscribed);
    });
    let (n, subscriber) = (work.n, work.mode == "sub");
    let mut got = 0;
    client.on_message(move |_, _, _| {
        got += 1;
        if !subscriber {
            let _ = message.send(Sign::Message);
        } else if got == n {
            let _ = message.send(Sign::Done);
        }
    });
    let counted = work.qos > 0 && ["pub", "queue"].contains(&&*work.mode);
    if counted {
        let mut confirmed = 0;
        client.on_publish(move |_, _, _, _, _| {
            confirmed += 1;
            if confirmed == n {
                let _ = published.send(Sign::Done);
            }
        });
    }
    let wait = |sign: Sign| while heard.recv() != Ok(sign) {};
    let payload = vec![b'x'; work.size];
    let (start, before) = (Instant::now(), memory_mib(NOW));
    if work.mode == "queue" {
        for _ in 0..work.n {
            client.publish("bench/topic", &payload, work.qos)?;
        }
    }
    let (queued_s, queued_mb) = (start.elapsed().as_secs_f64(), memory_mib(NOW) - before);
    let start = Usage::now();
    client.connect("127.0.0.1", work.port)?;
    client.loop_start()?;
    match work.mode.as_str() {
        "queue" => {
            wait(Sign::Done);
            start.report(work.n, &format!("\"queued_s\":{queued_s:.6},\"queued_mb\":{queued_mb:.1},"));
        }
        "pub" => {
            client.subscribe("end", 0)?;
            wait(Sign::Subscribed);
            let start = Usage::now();
            for _ in 0..work.n {
                client.publish("bench/topic", &payload, work.qos)?;
            }
            if work.qos == 0 {
                client.publish("end", (), 0)?;
                wait(Sign::Message);
            } else {
                wait(Sign::Done);
            }
            start.report(work.n, "");
        }
        "sub" => {
            let start = Usage::now();
            client.subscribe(format!("flood/{}/{}/{}", work.qos, work.n, work.size), work.qos)?;
            wait(Sign::Done);
            start.report(work.n, "");
        }
        _ => {
            client.subscribe("echo", 0)?;
            wait(Sign::Subscribed);
            let mut times: Vec<Duration> = Vec::with_capacity(work.n);
            for _ in 0..work.n {
                let start = Instant::now();
                client.publish("echo", &payload, work.qos)?;
                wait(Sign::Message);
                times.push(start.elapsed());
            }
            report_round_trips(times);
        }
    }
    std::process::exit(0);
}

/// How long the clients of a fleet publish, and how long their last messages may take.
const FLEET_SECONDS: u32 = 10;
const FLEET_PATIENCE: Duration = Duration::from_secs(2);

/// `--n` clients on two threads, each hearing itself once a second.
fn fleet(work: &Work) -> pmc::Result<()> {
    let pool = pmc::LoopPool::new(2)?;
    let (subscribed, ready) = mpsc::channel();
    let (lost, losses) = mpsc::channel();
    let delays: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (begin, before) = (Instant::now(), memory_mib(NOW));
    let mut clients = Vec::with_capacity(work.n);
    for number in 0..work.n {
        let client = client(work)?;
        let (subscribed, lost, delays) = (subscribed.clone(), lost.clone(), Arc::clone(&delays));
        client.on_connect(move |client, _, _, _, _| {
            client.subscribe(format!("echo/{number}"), 0).map(drop).map_err(Into::into)
        });
        client.on_subscribe(move |_, _, _, _, _| {
            let _ = subscribed.send(());
        });
        client.on_disconnect(move |_, _, _, _, _| {
            let _ = lost.send(());
        });
        client.on_message(move |_, _, msg| {
            let sent = msg.payload.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
            delays.lock().expect("no panic").push(now_ns().saturating_sub(sent.unwrap_or_default()));
        });
        client.connect_async("127.0.0.1", work.port)?;
        client.loop_start_on(&pool)?;
        clients.push(client);
    }
    let all_are_ready = || {
        for _ in 0..work.n {
            ready.recv_timeout(Duration::from_secs(60)).expect("every client is subscribed");
        }
    };
    all_are_ready();
    if work.mode == "storm" {
        eprintln!("{} clients sont abonnés : redémarrez le broker", work.n);
        losses.recv().expect("clients live");
        let start = Usage::now();
        all_are_ready();
        start.report(work.n, "");
        std::process::exit(0);
    }
    let rate = work.n as f64 / begin.elapsed().as_secs_f64();
    let client_kb = (memory_mib(NOW) - before) * 1024.0 / work.n as f64;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut payload = vec![b'x'; work.size.max(8)];
    let turns = work.n as u32 * FLEET_SECONDS;
    for turn in 0..turns {
        let due = start + Duration::from_secs(1) * turn / work.n as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        payload[..8].copy_from_slice(&now_ns().to_be_bytes());
        let number = turn as usize % work.n;
        // One that has lost its connection has lost the message too, which is counted.
        let _ = clients[number].publish(format!("echo/{number}"), &payload, work.qos);
    }
    let last = Instant::now() + FLEET_PATIENCE;
    let count = || delays.lock().expect("no panic").len();
    while count() < turns as usize && Instant::now() < last {
        std::thread::sleep(Duration::from_millis(10));
    }
    let cpu_us = (cpu_seconds() - cpu) * 1e6 / f64::from(turns);
    let mut delays = std::mem::take(&mut *delays.lock().expect("no panic"));
    delays.sort_unstable();
    let p99 = delays.get(delays.len() * 99 / 100).map_or(f64::NAN, |&delay| delay as f64 / 1e3);
    println!(
        "{{\"rate\":{rate:.0},\"client_kb\":{client_kb:.1},\"cpu_us\":{cpu_us:.3},\"rss_mb\":{:.1},\"p99_us\":{p99:.1},\"lost\":{}}}",
        memory_mib(PEAK),
        turns as usize - delays.len()
    );
    std::process::exit(0);
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64)
}

fn client(work: &Work) -> pmc::Result<pmc::Client> {
    let mut builder = pmc::Client::builder(pmc::CallbackApiVersion::Version2);
    if let Some(engine) = work.engine {
        builder = builder.engine(engine);
    }
    if let Some(dir) = &work.persistence {
        #[cfg(feature = "persistence")]
        (builder = builder.client_id("bench").persistence(dir));
        #[cfg(not(feature = "persistence"))]
        panic!("--persistence {dir} demande : cargo run --features persistence ..");
    }
    let client = builder.build()?;
    if let Some(ca) = &work.ca {
        client.tls_set(pmc::TlsOptions::new().ca_certs(ca))?;
    }
    Ok(client)
}

/// The clock and the processor's time at the start of the work.
struct Usage {
    at: Instant,
    cpu: f64,
}

impl Usage {
    fn now() -> Self {
        Usage { at: Instant::now(), cpu: cpu_seconds() }
    }

    /// Prints the line; `more` stands at its beginning.
    fn report(&self, n: usize, more: &str) {
        let (s, n) = (self.at.elapsed().as_secs_f64(), n as f64);
        let cpu = (cpu_seconds() - self.cpu) * 1e6 / n;
        println!("{{{more}\"s\":{s:.6},\"rate\":{:.0},\"cpu_us\":{cpu:.3},\"rss_mb\":{:.1}}}", n / s, memory_mib(PEAK));
    }
}

/// Processor time of this program, from `/proc/self/schedstat` of each thread; 0 where there is none.
fn cpu_seconds() -> f64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let nanoseconds = |path: std::path::PathBuf| -> Option<f64> {
        fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    threads.flatten().filter_map(|thread| nanoseconds(thread.path())).sum::<f64>() / 1e9
}

/// The most that this program has occupied.
const PEAK: &str = "VmHWM:";
/// What it occupies now.
const NOW: &str = "VmRSS:";

fn memory_mib(which: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    line.and_then(|value| value.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn report_round_trips(mut times: Vec<Duration>) {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    println!("{{\"p50_us\":{:.1},\"p99_us\":{:.1},\"rate\":{:.1}}}", at(0.5), at(0.99), 1e6 / at(0.5));
}
