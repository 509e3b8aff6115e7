//! Crates that use the `metrics` crate's macros record into a monitor.

use metrics::{Unit, counter, describe_histogram, gauge, histogram};
use mtaio_monitoring::ResourceMonitor;
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::monitor::MetricsRecorder;

fn recorded(work: impl FnOnce()) -> ResourceMonitor {
    let monitor = ResourceMonitor::default();
    metrics::with_local_recorder(&MetricsRecorder::new(monitor.clone()), work);
    monitor
}

#[test]
fn macros_of_every_kind_arrive_with_their_labels() {
    let monitor = recorded(|| {
        for _ in 0..3 {
            counter!("requests", "status" => "200").increment(2);
        }
        counter!("requests", "status" => "500").increment(1);
        gauge!("connections").set(5.0);
        gauge!("connections").increment(2.0);
        gauge!("connections").decrement(4.0);
        for milliseconds in 1..=100 {
            histogram!("duration", "route" => "/x").record(f64::from(milliseconds) / 1e3);
        }
    });
    let ask = |expression| monitor.query(expression, 60.0).expect("known");
    assert_eq!(ask(r#"requests{status="200"}:sum"#), Some(6.0));
    assert_eq!((ask("requests"), ask("requests:count")), (Some(7.0), Some(4.0)));
    assert_eq!(ask("connections"), Some(3.0));
    let p99 = ask(r#"duration{route="/x"}:p99"#).expect("values");
    assert!((p99 - 0.099).abs() <= 0.099 * 0.0109, "{p99}");
    let labels = Labels::new([("route", "/x")]);
    assert_eq!(monitor.summary("duration", None, Some(&labels)).expect("known").count(), 100);
}

#[test]
fn a_counter_that_is_told_its_total_never_falls() {
    let monitor = recorded(|| {
        for total in [10, 7, 12] {
            counter!("bytes").absolute(total);
        }
        counter!("bytes").increment(1);
    });
    assert_eq!(monitor.metric("bytes"), Ok(13.0));
}

#[test]
fn descriptions_declare_and_units_are_opentelemetrys() {
    let monitor = recorded(|| {
        describe_histogram!("duration", Unit::Seconds, "Time that a request took.");
        histogram!("duration").record(1.0);
        // The same name as another kind is left out, and so is a built-in one.
        counter!("duration").increment(1);
        gauge!("cpu_usage").set(1.0);
    });
    let error = monitor.gauge("duration", "", "").err().expect("it is a histogram").to_string();
    assert!(error.contains(Kind::Histogram.name()), "{error}");
    assert!(monitor.histogram("duration", "ms", "").err().expect("another unit").to_string().contains("\"s\""));
    assert_eq!(monitor.query("duration:count", 60.0), Ok(Some(1.0)));
}
