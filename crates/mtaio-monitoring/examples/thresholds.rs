//! What can be said about a threshold: hysteresis, how long it must last, how often it repeats; on a small simulated
//! load.
//!
//! `cargo run -p mtaio-monitoring --example thresholds` ends by itself after two seconds.

use std::f64::consts::TAU;
use std::time::Duration;

use mtaio_monitoring::{Alert, MonitoringError, ResourceMonitor, RuleOptions};
use tokio::time::{Instant, sleep_until};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), MonitoringError> {
    let monitor = ResourceMonitor::default();
    let begin = Instant::now();
    monitor.on_alert(move |alert: Alert| async move {
        let seconds = begin.elapsed().as_secs_f64();
        println!("{seconds:4.1} s  {:8}  {}", alert.state.name(), alert.message);
    });

    // Flutters around 100: without `clear` it would fire and clear again and again.
    let hysteresis = RuleOptions { clear: Some(60.0), ..RuleOptions::default() };
    monitor.set_threshold_with("requests_under_way", 100.0, hysteresis)?;

    // One slow answer is nothing; half a second of them is. Said again every 0.2 s.
    let lasting = RuleOptions { for_seconds: 0.5, repeat_seconds: Some(0.2), ..RuleOptions::default() };
    monitor.set_threshold_with("response_seconds", 0.2, lasting)?;

    // Too little can be as bad as too much.
    let below = RuleOptions { below: true, ..RuleOptions::default() };
    monitor.set_threshold_with("workers_alive", 3.0, below)?;

    // Recorded values are checked as they come, so this monitor need not even be started. The load goes up for a
    // second and down for another.
    for step in 0..100_u32 {
        let load = 0.5 - 0.5 * (f64::from(step) / 100.0 * TAU).cos();
        let flutter = if step % 2 == 0 { 10.0 } else { -10.0 };
        monitor.record("requests_under_way", 120.0 * load + flutter)?;
        monitor.record("response_seconds", 0.02 + 0.5 * load * load)?;
        monitor.record("workers_alive", if step == 40 { 2.0 } else { 4.0 })?;
        sleep_until(begin + Duration::from_millis(20) * (step + 1)).await;
    }

    monitor.stop().await;
    for series in monitor.snapshot().recorded {
        let p95 = series.sketch.quantile(0.95).unwrap_or_default();
        println!("{}: {} values, p95 {p95:.2}", series.name, series.count);
    }
    Ok(())
}
