//! A thousand thresholds over a hundred series each, all of which flap, and handlers that are slow or fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mtaio_monitoring::ResourceMonitor;
use mtaio_monitoring::alerts::AlertState;
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::monitor::Config;

const RULES: usize = 1_000;
const SERIES: usize = 100;
/// What an instance may take, with what waits to be told of it thrice.
const BYTES_AN_INSTANCE: u64 = 4_000;

type States = Arc<Mutex<HashMap<(Arc<str>, Labels), AlertState>>>;

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number of pages") * 4096
}

fn record(monitor: &ResourceMonitor, value: impl Fn(usize) -> f64) {
    for series in 0..SERIES {
        let route = format!("/{series}");
        monitor.record_with("queue_depth", value(series), [("route", route.as_str())]).expect("a sound name");
    }
}

async fn until(what: &str, states: &[States], holds: impl Fn(&HashMap<(Arc<str>, Labels), AlertState>) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if states.iter().all(|states| holds(&states.lock().expect("nobody panics with it"))) {
            return;
        }
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_bounded_and_everybody_hears_the_last_state_of_every_instance() {
    let config = Config::default().with_interval_seconds(0.2).expect("a sound interval");
    let monitor = ResourceMonitor::new(config);
    let before = resident_bytes();
    let (quick, slow): (States, States) = Default::default();
    let failures = Arc::new(AtomicU64::new(0));
    for (states, delay) in [(&quick, Duration::ZERO), (&slow, Duration::from_millis(1))] {
        let states = Arc::clone(states);
        monitor.on_alert(move |alert| {
            let states = Arc::clone(&states);
            async move {
                tokio::time::sleep(delay).await;
                let instance = (alert.metric.expect("a threshold's"), alert.labels);
                states.lock().expect("nobody panics with it").insert(instance, alert.state);
            }
        });
    }
    let failed = Arc::clone(&failures);
    monitor.on_alert(move |_| {
        let failed = Arc::clone(&failed);
        async move {
            failed.fetch_add(1, Ordering::Relaxed);
            std::panic::resume_unwind(Box::new("a handler that fails"));
        }
    });
    for rule in 0..RULES {
        let expression = format!("queue_depth{{route!=\"none-{rule}\"}}:last by (route)");
        monitor.set_threshold(&expression, 1.0).expect("a sound threshold");
    }
    monitor.start().expect("a thread");
    let begun = Instant::now();
    let mut largest = 0;
    for step in 0..30 {
        record(&monitor, |series| f64::from((step + series as u32).is_multiple_of(2)) * 2.0);
        tokio::time::sleep(Duration::from_millis(200)).await;
        largest = largest.max(resident_bytes());
    }
    // Now the odd ones fire, and the others do not.
    record(&monitor, |series| if series % 2 == 1 { 2.0 } else { 0.0 });
    let settled = |states: &HashMap<(Arc<str>, Labels), AlertState>| {
        let odd =
            |labels: &Labels| labels.get("route").is_some_and(|route| route.ends_with(['1', '3', '5', '7', '9']));
        let firing = states.iter().filter(|(_, state)| **state == AlertState::Firing);
        let is_right = states.iter().all(|((_, labels), state)| (*state == AlertState::Firing) == odd(labels));
        is_right && firing.count() == RULES * SERIES / 2
    };
    until("everybody hears the last state of every instance", &[quick, slow], settled).await;
    largest = largest.max(resident_bytes());
    let (health, wall) = (monitor.health(), begun.elapsed().as_secs_f64());
    monitor.stop().await;
    let grown = largest.saturating_sub(before);
    println!(
        "storm: {} samples in {wall:.1} s, {} of them with thresholds left over, {} states made old, {} MB more, {} failures",
        health.samples,
        health.delayed_thresholds,
        health.dropped_events,
        grown >> 20,
        failures.load(Ordering::Relaxed)
    );
    assert!(grown < BYTES_AN_INSTANCE * (RULES * SERIES) as u64, "{grown} bytes");
    assert!(failures.load(Ordering::Relaxed) > 0 && health.handler_errors > 0, "{health:?}");
}
