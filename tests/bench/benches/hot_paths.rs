//! The time a message takes in each part of the crate.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rappel::benching::{BATCH, Decoding, Dispatching, Publishing, Receiving, Routing};

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(BATCH));
    for qos in 0..3 {
        let mut decoding = Decoding::new(qos);
        group.bench_function(BenchmarkId::new("decoder", qos), |bencher| bencher.iter(|| decoding.run()));
        let mut receiving = Receiving::new(qos);
        group.bench_function(BenchmarkId::new("session, receive", qos), |bencher| bencher.iter(|| receiving.run()));
        let mut publishing = Publishing::of_session(qos);
        group.bench_function(BenchmarkId::new("session, publish", qos), |bencher| bencher.iter(|| publishing.run()));
        let mut publishing = Publishing::of_outbox(qos);
        group.bench_function(BenchmarkId::new("outbox and session", qos), |bencher| {
            bencher.iter(|| publishing.run());
        });
    }
    let mut dispatching = Dispatching::default();
    group.bench_function("dispatch", |bencher| bencher.iter(|| dispatching.run()));
    group.finish();
}

fn topics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("topics");
    for filters in [10, 1_000, 100_000] {
        let routing = Routing::new(filters);
        group
            .bench_function(BenchmarkId::from_parameter(filters), |bencher| bencher.iter(|| black_box(&routing).run()));
    }
    group.finish();
}

criterion_group!(benches, messages, topics);
criterion_main!(benches);
