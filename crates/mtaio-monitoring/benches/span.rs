//! T11: what a span costs in Rust, beside fastrace's `LocalSpan` and a span of `tracing`.
//!
//! Batches of all alternate within one run, and each reports its median. fastrace collects into a reporter that throws
//! everything away, off the measured thread; `tracing` has its registry and a layer that does nothing; ours keeps the
//! newest 100 000. Prints one line of JSON a case.
//!
//! Where the time of ours goes, about, from profiles (perf) of 44 to 48 ns a span on a quiet core: two clock reads 22,
//! beginning and ending 13, taking over from the ring and letting the oldest go 10.

use std::hint::black_box;

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::prelude::{LocalSpan, Span, SpanContext};
use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

const BATCHES: usize = 201;
const SPANS_A_BATCH: u64 = 2_000;
const TARGET: f64 = 0.5;

struct ThrowAway;

impl Reporter for ThrowAway {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans);
    }
}

/// A layer that looks at nothing.
struct Nothing;

impl Layer<Registry> for Nothing {}

fn main() {
    let clock = Clock::system();
    let profiler = Profiler::new();
    fastrace::set_reporter(ThrowAway, Config::default());
    let mut ours = || {
        for _ in 0..SPANS_A_BATCH {
            drop(black_box(profiler.enter("op")));
        }
    };
    let mut fastrace = || {
        let root = Span::root("root", SpanContext::random());
        let _inside = root.set_local_parent();
        for _ in 0..SPANS_A_BATCH {
            drop(black_box(LocalSpan::enter_with_local_parent("op")));
        }
    };
    let subscriber = tracing::Dispatch::new(Registry::default().with(Nothing));
    let mut tracing = || {
        tracing::dispatcher::with_default(&subscriber, || {
            for _ in 0..SPANS_A_BATCH {
                drop(black_box(tracing::info_span!("op").entered()));
            }
        });
    };
    let [mut ours_ns, mut fastrace_ns, mut tracing_ns] = [const { Vec::new() }; 3];
    for _ in 0..BATCHES {
        ours_ns.push(batch(&clock, &mut ours));
        fastrace_ns.push(batch(&clock, &mut fastrace));
        tracing_ns.push(batch(&clock, &mut tracing));
    }
    let ours_ns = median(ours_ns);
    for (peer, peer_ns) in [("fastrace LocalSpan", fastrace_ns), ("tracing span, entered", tracing_ns)] {
        let peer_ns = median(peer_ns);
        println!(
            "{{\"id\":\"T11\",\"what\":\"a span\",\"ours_ns\":{ours_ns:.1},\"peer\":\"{peer}\",\
             \"peer_ns\":{peer_ns:.1},\"ratio\":{:.3},\"target\":{TARGET}}}",
            ours_ns / peer_ns
        );
    }
}

/// Nanoseconds a span.
fn batch(clock: &Clock, spans: &mut impl FnMut()) -> f64 {
    let begin_ns = clock.monotonic_ns();
    spans();
    (clock.monotonic_ns() - begin_ns) as f64 / SPANS_A_BATCH as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
