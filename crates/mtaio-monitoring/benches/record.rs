//! T12: what one record through a handle costs, beside the `metrics` crate, in one run.
//!
//! Batches of ours and of each peer take turns, so that a busy machine is busy for all, and the medians are
//! compared. The peer's handles come from `metrics-util`'s registry, the storage that its exporters use: a gauge
//! is one atomic store and keeps no distribution; a histogram keeps every value in an `AtomicBucket` until somebody
//! aggregates them, which is not in its figure here. Ours feeds the quantile sketch in the same call.
//!
//! Nanoseconds are of processor time, as each thread's own clock counts them: what other programs on the machine
//! take is not in them, what threads lose waiting for each other's cache lines is.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;

use metrics::{Gauge, Histogram, Key};
use metrics_util::registry::{AtomicStorage, Registry};
use metrics_util::storage::AtomicBucket;
use mtaio_monitoring::metrics::{Series, Sketch};

const TARGET: f64 = 0.5;
const ROUNDS: usize = 41;
const RECORDS: usize = 1 << 18;

fn main() {
    let values = latencies();
    let threads = [1, 8];
    for threads in threads {
        compare(threads, &values);
    }
}

/// One line for each peer, at this number of threads on one metric.
fn compare(threads: usize, values: &[f64]) {
    let series = Series::new("request_duration");
    let alone = Sketch::new();
    let (gauge, histogram, bucket) = peers();

    let mut figures: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        figures[0].push(batch(threads, values, |value| series.record(value)));
        figures[1].push(batch(threads, values, |value| histogram.record(value)));
        bucket.clear();
        figures[2].push(batch(threads, values, |value| gauge.set(value)));
        figures[3].push(batch(threads, values, |value| alone.record(value)));
    }
    let [ours, histogram, gauge, alone] = figures.map(median);

    let what = |method: &str| format!("{method}, {threads} thread(s) on one metric");
    print(&what("Series::record"), ours, "metrics Histogram, AtomicBucket", histogram);
    print(&what("Series::record"), ours, "metrics Gauge, no distribution", gauge);
    print(&what("Sketch::record, unstriped"), alone, "metrics Histogram, AtomicBucket", histogram);
}

fn print(what: &str, ours: f64, peer: &str, theirs: f64) {
    let figures = serde_json::json!({
        "id": "T12",
        "what": what,
        "ours_ns": two_decimals(ours),
        "peer": peer,
        "peer_ns": two_decimals(theirs),
        "ratio": two_decimals(ours / theirs),
        "target": TARGET,
    });
    println!("{figures}");
}

fn peers() -> (Gauge, Histogram, Arc<AtomicBucket<f64>>) {
    let registry = Registry::<Key, AtomicStorage>::new(AtomicStorage);
    let key = Key::from_name("request_duration");
    let gauge = registry.get_or_create_gauge(&key, |gauge| Gauge::from_arc(Arc::clone(gauge)));
    let bucket = registry.get_or_create_histogram(&key, Arc::clone);
    (gauge, Histogram::from_arc(Arc::clone(&bucket)), bucket)
}

/// Nanoseconds of processor time for one record, when `threads` threads make [`RECORDS`] each.
fn batch(threads: usize, values: &[f64], record: impl Fn(f64) + Sync) -> f64 {
    let all = || {
        let start = thread_cpu_ns();
        for _ in 0..RECORDS / values.len() {
            for value in values {
                record(black_box(*value));
            }
        }
        thread_cpu_ns() - start
    };
    // Nobody records before every thread stands ready, so that they do meet.
    let ready = Barrier::new(threads);
    let spent: u64 = thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    ready.wait();
                    all()
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap_or(u64::MAX)).sum()
    });
    spent as f64 / (threads * RECORDS) as f64
}

#[cfg(unix)]
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Wall time where threads have no clock of their own: then nothing else may run beside the benchmark.
#[cfg(not(unix))]
fn thread_cpu_ns() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn two_decimals(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// Latencies in seconds as a service has them: log-uniform from 1 ms to 1 s, in no order. A power of two many.
fn latencies() -> Vec<f64> {
    let mut state = 1_u64;
    let mut fraction = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..4096).map(|_| 10_f64.powf(-3.0 * fraction())).collect()
}
