//! What a scrape reads: every line parsed back, whatever the names, and nothing that promtool has to say of.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use mtaio_monitoring::Snapshot;
use mtaio_monitoring::export::Exposition;
use mtaio_monitoring::metrics::catalogue::{BuiltIn, Kind};
use mtaio_monitoring::metrics::{Declaration, Labels, Registry};
use mtaio_monitoring::monitor::{Config, HealthReport, MonitorCore, RecentAlerts};
use proptest::prelude::*;

use super::foreign::{foreign, foreign_registry};
use crate::allocations;

#[cfg(target_os = "linux")]
use crate::alerts::promtool;
#[cfg(target_os = "linux")]
use crate::monitor::Simulation;

const BOTH: [Exposition; 2] = [Exposition::Prometheus, Exposition::OpenMetrics];

/// A sample: name, labels, value.
pub(super) type Sample = (String, Vec<(String, String)>, f64);

/// A family as a reader sees it.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) unit: Option<String>,
    pub(super) help: String,
    pub(super) samples: Vec<Sample>,
}

/// Reads an exposition as strictly as the formats are described, and fails at the first line that is none.
pub(super) fn read(text: &str, format: Exposition) -> BTreeMap<String, Family> {
    let is_open = format == Exposition::OpenMetrics;
    let text = if is_open { text.strip_suffix("# EOF\n").expect("an end") } else { text };
    assert!(text.is_empty() || text.ends_with('\n'));
    let (mut families, mut names) = (BTreeMap::<String, Family>::new(), HashSet::new());
    let mut current = String::new();
    for line in text.split_terminator('\n') {
        if let Some(about) = line.strip_prefix("# ") {
            let mut words = about.splitn(3, ' ');
            let (word, name, says) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            assert!(is_name(name), "{line:?}");
            if word == "TYPE" {
                assert!(families.insert(name.to_owned(), Family::default()).is_none(), "twice: {line:?}");
                name.clone_into(&mut current);
            }
            assert_eq!(name, current, "{line:?}");
            let family = families.get_mut(name).expect("after its type");
            match word {
                "TYPE" => says.clone_into(&mut family.kind),
                "HELP" => says.clone_into(&mut family.help),
                "UNIT" => {
                    assert!(is_open && name.ends_with(&format!("_{says}")), "{line:?}");
                    family.unit = Some(says.to_owned());
                }
                _ => panic!("{line:?}"),
            }
            continue;
        }
        let sample = sample(line);
        let family = families.get_mut(&current).expect("a family");
        let ending = sample.0.strip_prefix(&current).unwrap_or_else(|| panic!("{line:?} in {current}"));
        let allowed: &[&str] = match (&*family.kind, is_open) {
            ("counter", true) => &["_total"],
            ("histogram", _) => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        assert!(allowed.contains(&ending), "{line:?} in {current}, a {}", family.kind);
        assert!(names.insert((sample.0.clone(), sample.1.clone())), "twice: {line:?}");
        family.samples.push(sample);
    }
    families
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line:?}"));
    let name = &line[..end];
    assert!(is_name(name), "{line:?}");
    let mut rest = &line[end..];
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line:?}"));
            assert!(is_name(label) && !label.starts_with("__"), "{line:?}");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().unwrap_or_else(|| panic!("{line:?}")) {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match characters.next().expect("escaped").1 {
                        'n' => '\n',
                        plain @ ('\\' | '"') => plain,
                        other => panic!("\\{other} in {line:?}"),
                    }),
                    (_, character) => {
                        assert!(!character.is_control(), "{line:?}");
                        value.push(character);
                    }
                }
            };
            assert!(labels.iter().all(|(known, _)| known != label), "{label} twice in {line:?}");
            labels.push((label.to_owned(), value));
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("{line:?}"));
    }
    let value = rest.strip_prefix(' ').and_then(|value| value.parse().ok());
    (name.to_owned(), labels, value.unwrap_or_else(|| panic!("{line:?}")))
}

/// A snapshot of what was recorded, and of nothing else.
pub(super) fn snapshot(registry: &Registry) -> Snapshot {
    let declared = registry.metrics().into_iter().map(|metric| (Arc::clone(metric.name()), metric.declaration()));
    let declared = declared.filter(|(_, declaration)| declaration.kind() != Kind::Untyped);
    Snapshot {
        interval_seconds: 1.0,
        stats: None,
        recorded: registry.snapshot(),
        declared: Arc::new(declared.collect()),
        thresholds: Vec::new(),
        alerts: RecentAlerts::default(),
        health: HealthReport::default(),
    }
}

/// What is written of recorded metrics: all but the monitor's own.
fn recorded(registry: &Registry, format: Exposition) -> BTreeMap<String, Family> {
    let mut families = read(&snapshot(registry).exposition(format), format);
    families.retain(|name, _| !name.starts_with("monitor_"));
    families
}

pub(super) fn record(registry: &Registry, name: &str, labels: &[(&str, &str)], value: f64) {
    let labels = Labels::new(labels.iter().copied());
    registry.get_or_create_labelled(name, &labels, false).expect("room").series.record(value);
}

pub(super) fn declare(registry: &Registry, name: &str, kind: Kind, unit: &str, help: &str) {
    registry.declare(name, &Declaration::new(kind, unit, help).expect("a unit")).expect("sound");
}

/// Asks promtool what it has to say of a text.
#[cfg(target_os = "linux")]
fn linted(text: &str) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut child = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("promtool ends");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

#[test]
fn each_kind_is_written_as_its_own() {
    let registry = Registry::new();
    declare(&registry, "jobs", Kind::Counter, "{job}", "Jobs done.\nAll of them, \"even\" C:\\ ones.");
    declare(&registry, "queue_percent", Kind::Gauge, "%", "");
    record(&registry, "jobs", &[], 2.0);
    record(&registry, "jobs", &[("route", "/a\"b\\c\nd")], 3.0);
    record(&registry, "queue_percent", &[], 12.5);
    record(&registry, "guessed", &[], -0.5);
    let text = |format| {
        let text = snapshot(&registry).exposition(format);
        text.lines().filter(|line| !line.contains("monitor_")).map(|line| format!("{line}\n")).collect::<String>()
    };
    let prometheus = r#"# TYPE guessed untyped
# HELP guessed Recorded by the program and not declared: the value recorded last.
guessed -0.5
# TYPE jobs_total counter
# HELP jobs_total Jobs done.\nAll of them, "even" C:\\ ones.
jobs_total 2
jobs_total{route="/a\"b\\c\nd"} 3
# TYPE queue_ratio gauge
# HELP queue_ratio Recorded by the program.
queue_ratio 0.125
"#;
    let open = r#"# TYPE guessed unknown
# HELP guessed Recorded by the program and not declared: the value recorded last.
guessed -0.5
# TYPE jobs counter
# HELP jobs Jobs done.\nAll of them, \"even\" C:\\ ones.
jobs_total 2
jobs_total{route="/a\"b\\c\nd"} 3
# TYPE queue_ratio gauge
# UNIT queue_ratio ratio
# HELP queue_ratio Recorded by the program.
queue_ratio 0.125
# EOF
"#;
    assert_eq!(text(Exposition::Prometheus), prometheus);
    assert_eq!(text(Exposition::OpenMetrics), open);
}

#[test]
fn a_histogram_has_the_bounds_of_its_declaration_or_usual_ones() {
    let registry = Registry::new();
    declare(&registry, "usual", Kind::Histogram, "s", "x");
    let own = Declaration::new(Kind::Histogram, "ms", "x").unwrap().with_bounds(&[100.0, 300.0]).unwrap();
    registry.declare("own", &own).unwrap();
    declare(&registry, "size", Kind::Histogram, "By", "x");
    for value in [0.004, 0.3, 20.0] {
        record(&registry, "usual", &[("a", "b")], value);
    }
    for value in [100.0, 300.0, 301.0] {
        record(&registry, "own", &[], value);
    }
    record(&registry, "size", &[], 1_024.0);
    for format in BOTH {
        let families = recorded(&registry, format);
        let buckets = |name: &str| -> Vec<(String, f64)> {
            let samples = families[name].samples.iter().filter(|(sample, ..)| sample.ends_with("_bucket"));
            samples.map(|(_, labels, count)| (labels.last().expect("a bound").1.clone(), *count)).collect()
        };
        let value = |name: &str, sample: &str| {
            families[name].samples.iter().find(|(known, ..)| known == sample).expect(sample).2
        };
        let own = [("0.1".to_owned(), 1.0), ("0.3".to_owned(), 2.0), ("+Inf".to_owned(), 3.0)];
        assert_eq!(buckets("own_seconds"), own);
        assert_eq!(value("own_seconds", "own_seconds_sum"), 0.701);
        assert_eq!(value("own_seconds", "own_seconds_count"), 3.0);
        let usual = buckets("usual_seconds");
        assert_eq!((usual.len(), &usual[0], &usual[13]), (15, &("0.005".into(), 1.0), &("10.0".into(), 2.0)));
        assert_eq!(usual[14], ("+Inf".to_owned(), 3.0));
        assert_eq!(buckets("size_bytes")[1], ("1024.0".to_owned(), 1.0), "a power of two is exact");
    }
}

#[test]
fn what_becomes_the_same_is_told_apart() {
    let registry = Registry::new();
    for (name, value) in [("a.b", 1.0), ("a-b", 2.0), ("a_b", 3.0)] {
        record(&registry, name, &[], value);
    }
    record(&registry, "l", &[("x.y", "1")], 4.0);
    record(&registry, "l", &[("x-y", "1")], 5.0);
    // Beside the parts of a histogram, and where the monitor has a name of its own.
    declare(&registry, "h", Kind::Histogram, "", "x");
    record(&registry, "h", &[("le", "mine")], 1.0);
    record(&registry, "h_count", &[], 6.0);
    record(&registry, "monitor_panics_total", &[], 7.0);
    for format in BOTH {
        let text = snapshot(&registry).exposition(format);
        let families = read(&text, format);
        let values: BTreeMap<&str, f64> =
            ["a_b", "a_b_2", "a_b_3", "h_count_2"].map(|name| (name, families[name].samples[0].2)).into();
        assert_eq!(values["a_b"], 3.0, "a sound name stays as it is");
        assert_eq!((values["a_b_2"] + values["a_b_3"], values["h_count_2"]), (3.0, 6.0));
        assert_eq!(families["l"].samples.len(), 2);
        assert!(families["h"].samples[0].1.contains(&("exported_le".to_owned(), "mine".to_owned())));
        assert_eq!(families["monitor_panics_total_2"].samples[0].2, 7.0);
    }
}

/// What a scrape keeps for the next one is the text of the labels, and the next one makes it no more.
#[test]
fn labels_are_written_once() {
    let monitor = MonitorCore::new(Config::default());
    for number in 0..1_000 {
        let labels = Labels::new([("method", "GET".to_owned()), ("route", format!("/api/v1/things/{number}"))]);
        monitor.record_with("things", f64::from(number), &labels).unwrap();
    }
    let health = monitor.health();
    let scrape = || monitor.exposition(&health, Exposition::OpenMetrics);
    let mut first = String::new();
    let at_first = allocations::most_bytes_during(|| first = scrape());
    let mut later = String::new();
    let mut bytes = 0;
    let times = allocations::during(|| bytes = allocations::most_bytes_during(|| later = scrape()));
    assert_eq!(first, later);
    assert!(later.contains("things{method=\"GET\",route=\"/api/v1/things/999\"} 999\n"));
    assert!(times < 1_000, "{times} allocations for a thousand series");
    let kept = at_first.saturating_sub(bytes) / 1_000;
    assert!((30..=64).contains(&kept), "{kept} bytes of a series, whose labels have some 40");
}

#[cfg(target_os = "linux")]
#[test]
fn promtool_has_nothing_to_say_of_what_the_monitor_measures() {
    let simulation = Simulation::started();
    simulation.ticks(2);
    let monitor = &simulation.monitor;
    let requests = monitor.declare(Kind::Histogram, "request_duration", "s", "Time that a request took.").unwrap();
    monitor.record_bound(&requests, 0.02);
    let jobs = monitor.declare(Kind::Counter, "jobs", "{job}", "Jobs done.").unwrap();
    monitor.record_bound(&jobs, 1.0);
    monitor.record("queue_depth", 3.0).unwrap();
    for route in ["/b", "/a", "/c"] {
        monitor.record_with("routes", 3.0, &Labels::new([("route", route)])).unwrap();
    }
    let text = Snapshot::of(monitor).exposition(Exposition::Prometheus);
    for format in BOTH {
        let snapshot = Snapshot::of(monitor);
        let sorted = |text: String| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        let (own, copied) = (monitor.exposition(&snapshot.health, format), snapshot.exposition(format));
        assert_eq!(sorted(own), sorted(copied), "without a snapshot too");
    }
    let families = read(&text, Exposition::Prometheus);
    for name in [
        "memory_usage_ratio",
        "host_memory_total_bytes",
        "thread_count_value",
        "process_cpu_seconds_total",
        "monitor_panics_total",
    ] {
        assert!(families.contains_key(name), "{name} is missing: {:?}", families.keys());
    }
    assert_eq!(linted(&text), "");
    // It does look.
    assert!(linted("# TYPE x gauge\nx_percent 1\n").contains("no help text"));
}

/// The whole catalogue, whatever of it this machine can measure.
#[cfg(target_os = "linux")]
#[test]
fn promtool_has_nothing_to_say_of_any_built_in_metric() {
    let registry = Registry::new();
    for metric in BuiltIn::ALL {
        let about = metric.description();
        declare(&registry, about.name, about.kind, about.unit, about.help);
        record(&registry, about.name, &[], 1.0);
    }
    let text = snapshot(&registry).exposition(Exposition::Prometheus);
    assert_eq!(linted(&text), "");
    for format in BOTH {
        let families = read(&snapshot(&registry).exposition(format), format);
        assert!(families.len() > BuiltIn::ALL.len(), "no two have one name");
        assert!(!families.keys().any(|name| name.ends_with("_2")), "none had to be told apart from another");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the names: every line is one, nothing is there twice, and nothing is lost.
    #[test]
    fn every_line_is_read_back_whatever_the_names(metrics in foreign(), value in prop::num::f64::NORMAL) {
        let (registry, expected) = foreign_registry(&metrics, value);
        for format in BOTH {
            let families = recorded(&registry, format);
            let told: usize = families.values().map(|family| match &*family.kind {
                "histogram" => family.samples.iter().filter(|(name, ..)| name.ends_with("_count")).count(),
                _ => family.samples.len(),
            }).sum();
            prop_assert_eq!(told, expected);
            prop_assert!(families.values().all(|family| !family.help.is_empty()));
        }
    }
}
