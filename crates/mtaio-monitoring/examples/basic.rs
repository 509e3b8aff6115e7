//! A tokio service that watches itself: the machine's numbers, a queue of its own, and a handler that is told when
//! either is too much.
//!
//! `cargo run -p mtaio-monitoring --example basic` ends by itself after two seconds.

use std::time::Duration;

use mtaio_monitoring::{MonitoringError, ResourceMonitor};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), MonitoringError> {
    let monitor = ResourceMonitor::builder().interval(0.2).history_size(600).build()?;
    monitor.on_threshold_exceeded(async |metric: String, value: f64, threshold: f64| {
        println!("!! {metric} is {value:.1}, its threshold is {threshold}");
    });
    monitor.on_threshold_cleared(async |metric: String, value: f64, _| {
        println!("ok {metric} is back at {value:.1}");
    });
    monitor.set_threshold("cpu_usage", 80.0)?;
    monitor.set_threshold("queue_depth", 20.0)?;
    monitor.start()?;

    let stats = monitor.current_stats().await?;
    println!(
        "this machine: {} in use, load {}, {} threads in this process",
        percent(stats.memory.percent),
        stats.cpu.load_average.map_or("unknown".to_owned(), |load| format!("{:.2}", load[0])),
        stats.cpu.thread_count.unwrap_or_default(),
    );

    // The service: a queue that fills and is worked off.
    for step in 0..20_i32 {
        let depth = f64::from(30 - 3 * (step - 10).abs());
        monitor.record("queue_depth", depth)?;
        sleep(Duration::from_millis(90)).await;
    }

    monitor.stop().await;
    let history = monitor.history(None, None)?;
    let busiest = history.iter().filter_map(|sample| sample.cpu.usage_percent).reduce(f64::max);
    println!("{} samples; the processors were {} busy at most", history.len(), percent(busiest));
    Ok(())
}

/// What was not measured is not 0 %.
fn percent(share: Option<f64>) -> String {
    share.map_or("an unknown share".to_owned(), |share| format!("{share:.0} %"))
}
