//! Thresholds as a file of rules, which Prometheus' own tool reads and understands.

use std::process::Command;

use mtaio_monitoring::alerts::{Level, NoData, Rule, RuleOptions, prometheus_rules};

fn options() -> RuleOptions {
    RuleOptions::default()
}

fn rule(metric: &str, threshold: f64, options: RuleOptions) -> Rule {
    Rule::new(metric, threshold, options).expect("a sound rule")
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
    let file = prometheus_rules(&every_sort(), &|_| false);
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
    let file = prometheus_rules(&rules, &|name| name == "errors" || name == "requests");
    let (is_sound, said) = promtool("check", &file, &[]);
    assert!(is_sound && said.contains("SUCCESS: 3 rules found"), "{said}\n{file}");
    for part in [
        "(sum by (instance, job, route) (increase(errors[1m])) / sum by (instance, job, route) (increase(requests[1m]))) > 0.5",
        "sum by (instance, job) (rate(requests[1m])) > 0.5",
        "sum by (instance, job) (requests) > 0.5",
        "requests:count: not written, because a counter of Prometheus does not know",
        "requests:p99: not written, because a counter of Prometheus has no distribution",
    ] {
        assert!(file.contains(part), "{part} in\n{file}");
    }
}

#[test]
fn a_file_of_nothing_is_a_file_of_rules() {
    for rules in [vec![], vec![rule("d:min", 1.0, options())]] {
        let file = prometheus_rules(&rules, &|_| false);
        let (is_sound, said) = promtool("check", &file, &[]);
        assert!(is_sound, "{said}\n{file}");
    }
}

/// `cpu_usage` of two processes, minute by minute, and what fires.
#[test]
fn prometheus_decides_as_we_do_hysteresis_and_levels_included() {
    let file = prometheus_rules(&every_sort()[..1], &|_| false);
    let mut test = r#"
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'cpu_usage{job="shop",instance="a"}', values: '50 85 75 70 75 99 90 80 75 70'}
      - {series: 'cpu_usage{job="shop",instance="b"}', values: '50 75 75 75 75 75 75 75 75 75'}
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
    let (is_sound, _) = promtool("test", &file, &[("test.yml", &test.replace("75 99 90", "75 85 90"))]);
    assert!(!is_sound);
}
