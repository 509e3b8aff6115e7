//! The monitor of a tokio service: handlers are tasks that hurt nobody.
//!
//! Where no sampling thread takes part, tokio's time stands still and is moved by tokio itself. Where one does, the
//! machine's time is the test's, and only the thread's wake-up is waited for.

mod handlers;
#[cfg(feature = "metrics-recorder")]
mod metrics_recorder;
#[cfg(feature = "tower")]
mod requests;
mod runtimes;
mod storm;
mod warnings;

use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::clock::ManualClock;
use mtaio_monitoring::{Alert, ResourceMonitor};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::machine::Machine;
use crate::monitor::wait_until;

/// What a handler was told.
type Told = (String, f64, f64);

/// A monitor of a simulated machine.
struct Service {
    monitor: ResourceMonitor,
    machine: Machine,
    hand: Arc<ManualClock>,
}

impl Service {
    fn new() -> Self {
        let machine = Machine::new();
        let (config, hand) = machine.config();
        Self { monitor: ResourceMonitor::new(config), machine, hand }
    }

    /// One that watches a queue, whose handler reports.
    fn with_threshold() -> (Self, UnboundedReceiver<Told>) {
        let service = Self::new();
        let (sender, told) = unbounded_channel();
        service.monitor.on_threshold_exceeded(move |metric, value, threshold| {
            let sender = sender.clone();
            async move {
                let _test_is_over = sender.send((metric, value, threshold));
            }
        });
        service.monitor.set_threshold("queue", 10.0).expect("a sound threshold");
        (service, told)
    }

    fn start(&self) {
        let reads = self.machine.reads();
        self.monitor.start().expect("inside a runtime");
        wait_until("the baseline is read", || self.machine.reads() > reads);
        let _reading_over = self.monitor.health();
        self.hand.advance(0.1);
    }

    /// The queue's threshold is crossed once more.
    fn cross(&self, value: f64) {
        self.monitor.record("queue", value).expect("a name");
        self.monitor.record("queue", 0.0).expect("a name");
    }
}

async fn next<T>(told: &mut UnboundedReceiver<T>) -> T {
    let told = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
    told.expect("told in time").expect("the handler still listens")
}

#[tokio::test]
async fn a_sample_that_crosses_a_threshold_reaches_every_kind_of_handler() {
    let service = Service::new();
    let (sender, mut told) = unbounded_channel();
    let report = |kind: &'static str| {
        let sender = sender.clone();
        move |metric: String, value: f64, threshold: f64| {
            let sender = sender.clone();
            async move {
                sender.send(format!("{kind} {metric} {value} {threshold}")).expect("the test listens");
            }
        }
    };
    service.monitor.on_threshold_exceeded(report("exceeded"));
    service.monitor.on_threshold_cleared(report("cleared"));
    service.monitor.on_alert({
        let sender = sender.clone();
        move |alert: Alert| {
            let sender = sender.clone();
            async move {
                let line = format!("alert {} {:?}", alert.state.name(), alert.value);
                sender.send(line).expect("the test listens");
            }
        }
    });
    service.monitor.set_threshold("cpu_usage", 80.0).expect("a sound threshold");
    service.start();
    service.machine.work(180, 20);
    service.hand.advance(1.0);
    assert_eq!(next(&mut told).await, "exceeded cpu_usage 90 80");
    assert_eq!(next(&mut told).await, "alert firing Some(90.0)");
    service.machine.work(20, 180);
    service.hand.advance(1.0);
    assert_eq!(next(&mut told).await, "cleared cpu_usage 10 80");
    assert_eq!(next(&mut told).await, "alert resolved Some(10.0)");
    service.monitor.alert("the disk is being replaced");
    assert_eq!(next(&mut told).await, "alert firing None");
    service.monitor.stop().await;
    assert!(!service.monitor.is_running());
}

#[tokio::test]
async fn what_is_known_can_be_asked_for() {
    let monitor = ResourceMonitor::builder().interval(0.5).history_size(10).build().expect("sound settings");
    let stats = monitor.current_stats().await.expect("this machine answers");
    assert!(stats.memory.total > Some(0));
    assert!(stats.elapsed_seconds >= Some(0.1), "it waited for a window");
    monitor.record("queue", 3.0).expect("a name");
    assert_eq!(monitor.metric("queue"), Ok(3.0));
    assert!(monitor.metric("nothing").is_err());
    assert!(monitor.history(None, None).expect("no bounds").is_empty());
    let snapshot = monitor.snapshot();
    assert_eq!((snapshot.interval_seconds, snapshot.recorded.len()), (0.5, 1));
}

#[test]
fn settings_outside_their_ranges_are_refused() {
    let refusal = |builder: mtaio_monitoring::monitor::Builder| match builder.build() {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string(),
    };
    let builder = ResourceMonitor::builder;
    assert!(refusal(builder().interval(0.0)).starts_with("interval must be"));
    assert!(refusal(builder().history_size(0)).starts_with("history_size must be"));
    assert_eq!(refusal(builder()), "taken");
}

#[tokio::test]
async fn starting_and_stopping_are_idempotent() {
    let (service, mut told) = Service::with_threshold();
    service.monitor.stop().await;
    service.start();
    service.monitor.start().expect("it runs already");
    service.cross(11.0);
    next(&mut told).await;
    service.monitor.stop().await;
    service.monitor.stop().await;
    service.start();
    service.cross(12.0);
    assert_eq!(next(&mut told).await.1, 12.0);
    assert!(told.try_recv().is_err(), "each once");
    service.monitor.stop().await;
}

#[tokio::test]
async fn the_last_handle_that_goes_takes_the_thread_along() {
    let service = Service::new();
    service.start();
    let other = service.monitor.clone();
    drop(service.monitor);
    assert!(other.is_running());
    drop(other);
    wait_until("nobody holds the source", || service.machine.closed() == 1);
}

#[tokio::test]
async fn p20_pressure_reaches_its_own_handlers_only() {
    use mtaio_monitoring::alerts::PressureRule;
    use mtaio_monitoring::sampling::{RawPressure, RawStall, Resource, StallKind, Timed};

    let service = Service::new();
    let (sender, mut told) = unbounded_channel();
    for (share, name) in [(0.2, "fifth"), (0.9, "most")] {
        let rule = PressureRule::new(Resource::Io, StallKind::Full, share, 1.0).expect("a sound rule");
        let sender = sender.clone();
        service.monitor.on_pressure(rule, move |event| {
            let sent = sender.send((name, event.threshold, event.value));
            async move { sent.expect("the test listens") }
        });
    }
    let set = |total_us| {
        let full = Some(RawStall { total_us, ..RawStall::default() });
        let value = RawPressure { some: full, full };
        service.machine.change(|counters| counters.pressure.io = Some(Timed { read_at_ns: 0, value }));
    };
    set(0);
    service.start();
    for total_us in [0, 0, 500_000] {
        set(total_us);
        let samples = service.monitor.health().samples;
        service.hand.advance(1.0);
        wait_until("the sample is taken", || service.monitor.health().samples > samples);
    }
    assert_eq!(next(&mut told).await, ("fifth", 0.2, Some(0.5)));
    assert!(told.try_recv().is_err(), "once, and not the other one");
    assert_eq!(service.monitor.health().pressure_triggers.len(), 2);
    service.monitor.stop().await;
}
