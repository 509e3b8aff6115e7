//! Thresholds as a file of rules, which Prometheus' own tool reads and understands.

use std::process::Command;

use mtaio_monitoring::Snapshot;
use mtaio_monitoring::alerts::{Level, NoData, Rule, RuleOptions, prometheus_rules};
use mtaio_monitoring::export::Exposition;
use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::metrics::{Declaration, Labels};
use mtaio_monitoring::monitor::{Config, MonitorCore};

fn options() -> RuleOptions {
    RuleOptions::default()
}

fn rule(metric: &str, threshold: f64, options: RuleOptions) -> Rule {
    Rule::new(metric, threshold, options).expect("a sound rule")
}

/// What the tests' metrics were declared as.
fn declared(name: &str) -> Option<Declaration> {
    let (kind, unit) = match name {
        "d" | "e" => (Kind::Histogram, "s"),
        "latency" => (Kind::Histogram, "ms"),
        "errors" | "requests" => (Kind::Counter, ""),
        "free" => (Kind::Gauge, "%"),
        _ => return None,
    };
    Some(Declaration::new(kind, unit, "").expect("a unit"))
}

/// One of each sort.
fn every_sort() -> Vec<Rule> {
    let nasty = rule("a name, of anything\nat 'all' \\ ü", 1e-9, options());
    vec![
        rule("cpu_usage", 80.0, RuleOptions { critical: Some(95.0), clear: Some(70.0), ..options() }),
        rule("free", 5.0, RuleOptions { below: true, clear: Some(7.5), for_seconds: 1.5, ..options() })
            .with_annotations([("runbook", "https://wiki/{{free}}"), ("1st. step", "\"look\"\n")]),
        rule("d:p99.9 by (route, http.method)", 0.5, RuleOptions { window_seconds: 300.0, ..options() }),
        rule(r#"e{kind!="user \"x\""}:count / d:count by (route)"#, 0.05, options()),
        rule("d:mean", 1.0, RuleOptions { level: Level::Critical, keep_firing_seconds: 120.0, ..options() }),
        rule("d:sum", -1.0, options()),
        rule("d:rate / e:rate", 1e300, options()),
        rule("d:max", 1.0, options()),
        rule(
            "x",
            1.0,
            RuleOptions {
                samples: (2, 3),
                no_data: NoData::Alert,
                cool_down_seconds: 1.0,
                repeat_seconds: Some(1.0),
                grace_seconds: 3.2e9,
                for_seconds: 3.2e9,
                ..options()
            },
        ),
        nasty,
    ]
}

fn promtool(command: &str, file: &str, more: &[(&str, &str)]) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rules.yml"), file).expect("a file");
    for (name, text) in more {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let subject = more.first().map_or("rules.yml", |(name, _)| *name);
    let tool = super::promtool::promtool();
    let output = Command::new(tool).args([command, "rules", subject]).current_dir(folder.path()).output();
    let output = output.expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn prometheus_reads_every_sort_of_rule() {
    let file = prometheus_rules(&every_sort(), &declared);
    let (is_sound, said) = promtool("check", &file, &[]);
    assert!(is_sound && said.contains("SUCCESS: 10 rules found"), "{said}\n{file}");
    for remark in [
        "d:max: not written, because a histogram of Prometheus keeps neither",
        "x: n of m samples has no counterpart",
        "x: that it fires without a value has no counterpart",
    ] {
        assert!(file.contains(remark), "{remark} in\n{file}");
    }
}

#[test]
fn counters_are_numbers_over_there() {
    let rules =
        ["errors:sum / requests:sum by (route)", "requests:rate", "requests", "requests:count", "requests:p99"]
            .map(|text| rule(text, 0.5, options()));
    let file = prometheus_rules(&rules, &declared);
    let (is_sound, said) = promtool("check", &file, &[]);
    assert!(is_sound && said.contains("SUCCESS: 3 rules found"), "{said}\n{file}");
    for part in [
        "(sum by (instance, job, route) (increase(errors_total[1m])) / sum by (instance, job, route) (increase(requests_total[1m]))) > 0.5",
        "sum by (instance, job) (rate(requests_total[1m])) > 0.5",
        "sum by (instance, job) (requests_total) > 0.5",
        "requests:count: not written, because a counter of Prometheus does not know",
        "requests:p99: not written, because a counter of Prometheus has no distribution",
    ] {
        assert!(file.contains(part), "{part} in\n{file}");
    }
}

#[test]
fn values_are_in_the_units_of_the_scrape() {
    let rules = [
        ("latency:p99", 500.0),
        ("latency:sum / latency:count", 250.0),
        ("free", 5.0),
        ("cpu_usage", 80.0),
        ("host_memory_total_bytes", 1e9),
        ("d:mean", 0.25),
        ("d", 0.25),
        ("free:mean", 0.25),
        ("undeclared:p99", 0.25),
    ]
    .map(|(text, threshold)| rule(text, threshold, options()));
    let file = prometheus_rules(&rules, &declared);
    let (is_sound, said) = promtool("check", &file, &[]);
    assert!(is_sound && said.contains("SUCCESS: 6 rules found"), "{said}\n{file}");
    for part in [
        "histogram_quantile(0.99, sum by (instance, job, le) (rate(latency_seconds_bucket[1m]))) > 0.5\"",
        "(increase(latency_seconds_sum[1m])) / sum by (instance, job) (increase(latency_seconds_count[1m]))) > 0.25\"",
        "(free_ratio) > 0.05\"",
        "(cpu_usage_ratio) > 0.8\"",
        "its threshold of 0.8\"",
        "(host_memory_total_bytes) > 1000000000\"",
        "(rate(d_seconds_sum[1m])) / sum by (instance, job) (rate(d_seconds_count[1m]))) > 0.25\"",
        "d: not written, because a histogram of Prometheus does not keep the value recorded last",
        "free:mean: not written, because of a gauge Prometheus knows the values at its scrapes only",
        "undeclared:p99: not written, because of a metric that was not declared a scrape tells the value recorded last",
    ] {
        assert!(file.contains(part), "{part} in\n{file}");
    }
}

/// Every name that the rules ask for is one that the scrape of the same monitor has.
#[test]
fn the_rules_ask_for_what_the_scrape_tells() {
    let monitor = MonitorCore::new(Config::default());
    let metrics = [
        ("http.latency", Kind::Histogram, "ms", "http.latency:p99 by (http.route)"),
        ("9 lives", Kind::Gauge, "%", "9 lives"),
        ("jobs_total", Kind::Counter, "{job}", "jobs_total:rate by (http.route)"),
        ("sent", Kind::Counter, "KiBy", "sent:sum by (http.route)"),
        ("応答", Kind::Gauge, "By", "応答"),
    ];
    for (name, kind, unit, metric) in metrics {
        let declared = monitor.declare(kind, name, unit, "x").unwrap();
        let labelled = declared.with_labels(&Labels::new([("http.route", "/x")])).unwrap();
        monitor.record_bound(&labelled, 1.0);
        monitor.set_rule(rule(metric, 1.0, options()));
    }
    monitor.record("guessed.name", 1.0).unwrap();
    monitor.set_rule(rule("guessed.name", 1.0, options()));
    let file = monitor.alert_rules("prometheus").unwrap();
    assert!(!file.contains("not written"), "{file}");
    let scrape = Snapshot::of(&monitor).exposition(Exposition::Prometheus);
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut asked = 0;
    for expression in file.lines().filter_map(|line| line.trim_start().strip_prefix("expr: ")) {
        // A series stands before the bracket of its window, or alone in the parentheses of an aggregate.
        for part in expression
            .split(['(', ')', '[', ' ', '"'])
            .filter(|part| part.contains('_') && part.chars().all(is_name))
        {
            if matches!(part, "histogram_quantile" | "http_route") {
                continue;
            }
            asked += 1;
            let is_told = scrape.lines().any(|line| {
                line.strip_prefix(part).is_some_and(|rest| rest.starts_with([' ', '{']))
                    && (part == "guessed_name" || line.contains("http_route=\"/x\""))
            });
            assert!(is_told, "{part} of {expression} in\n{scrape}");
        }
    }
    assert_eq!(asked, 6, "{file}");
}

#[test]
fn a_file_of_nothing_is_a_file_of_rules() {
    for rules in [vec![], vec![rule("d:min", 1.0, options())]] {
        let file = prometheus_rules(&rules, &declared);
        let (is_sound, said) = promtool("check", &file, &[]);
        assert!(is_sound, "{said}\n{file}");
    }
}

/// `cpu_usage` of two processes, minute by minute, and what fires.
#[test]
fn prometheus_decides_as_we_do_hysteresis_and_levels_included() {
    let file = prometheus_rules(&every_sort()[..1], &declared);
    let mut test = r#"
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'cpu_usage_ratio{job="shop",instance="a"}', values: '0.5 0.85 0.75 0.7 0.75 0.99 0.9 0.8 0.75 0.7'}
      - {series: 'cpu_usage_ratio{job="shop",instance="b"}', values: '0.5 0.75 0.75 0.75 0.75 0.75 0.75 0.75 0.75 0.75'}
    promql_expr_test:
"#
    .to_owned();
    // The critical level clears as far from 95 as 70 is from 80.
    for (severity, fires) in [("warning", "-XX--XXXX-"), ("critical", "-----XX---")] {
        for (minute, state) in fires.chars().enumerate() {
            let labels = format!(
                r#"ALERTS{{alertname="cpu_usage",alertstate="firing",instance="a",job="shop",severity="{severity}"}}"#
            );
            let samples =
                if state == 'X' { format!("[{{labels: '{labels}', value: 1}}]") } else { "[]".to_owned() };
            let expression = format!(r#"ALERTS{{severity="{severity}"}}"#);
            test += &format!("      - {{expr: '{expression}', eval_time: {minute}m, exp_samples: {samples}}}\n");
        }
    }
    let (is_sound, said) = promtool("test", &file, &[("test.yml", &test)]);
    assert!(is_sound, "{said}\n{file}");
    // And it can fail.
    let (is_sound, _) = promtool("test", &file, &[("test.yml", &test.replace("0.75 0.99 0.9", "0.75 0.85 0.9"))]);
    assert!(!is_sound);
}
