//! The same decision, made by Prometheus: random series through a threshold and through `promtool test rules`, and the
//! state at every step.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use mtaio_monitoring::alerts::{Moment, NoData, Rule, RuleOptions, Seen, Watch};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const MINUTE_NS: u64 = 60_000_000_000;
const ALERTS: usize = 400;
const STEPS: usize = 40;

/// Debian's, as `make` unpacks it; or another one.
pub(crate) fn promtool() -> PathBuf {
    if let Some(given) = std::env::var_os("MTAIO_PROMTOOL") {
        return given.into();
    }
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/debian/usr/bin/promtool");
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&folders).map(|folder| folder.join("promtool"));
    let found = std::iter::once(unpacked).chain(in_path).find(|program| program.is_file());
    found.expect(
        "promtool is missing: `make .venv/debian/unpacked` gets it, or MTAIO_PROMTOOL names one (2.42 or newer)",
    )
}

/// What an alert watches, minute by minute, and under which conditions it speaks.
#[derive(Debug)]
struct Case {
    below: bool,
    clear: u8,
    for_minutes: u8,
    keep_firing_minutes: u8,
    values: Vec<Option<u8>>,
}

/// Values that stay on one side for a while, as real ones do: else `for` would never be reached. Whole, so that bounds
/// are met exactly.
fn values() -> impl Strategy<Value = Vec<Option<u8>>> {
    let level = prop_oneof![3 => (6..=10_u8).prop_map(Some), 3 => (0..=5_u8).prop_map(Some), 1 => Just(None)];
    let stretches = proptest::collection::vec((level, 1..6_usize), STEPS);
    stretches.prop_map(|stretches| {
        let steps = stretches.into_iter().flat_map(|(value, length)| std::iter::repeat_n(value, length));
        steps.take(STEPS).collect()
    })
}

fn case() -> impl Strategy<Value = Case> {
    (any::<bool>(), 0..4_u8, 0..5_u8, 0..5_u8, values()).prop_map(
        |(below, distance, for_minutes, keep_firing_minutes, values)| {
            let clear = if below { 5 + distance } else { 5 - distance };
            Case { below, clear, for_minutes, keep_firing_minutes, values }
        },
    )
}

impl Case {
    /// What our threshold is at every minute, in Prometheus' words: what recovers still fires.
    fn states(&self) -> Vec<&'static str> {
        let options = RuleOptions {
            below: self.below,
            clear: Some(self.clear.into()),
            for_seconds: 60.0 * f64::from(self.for_minutes),
            keep_firing_seconds: 60.0 * f64::from(self.keep_firing_minutes),
            no_data: NoData::Resolve,
            ..RuleOptions::default()
        };
        let mut watch = Watch::new(Rule::new("v", 5.0, options).expect("a sound rule"));
        let steps = self.values.iter().zip(0_u64..);
        steps
            .map(|(value, minute)| {
                let seen = value.map_or(Seen::Nothing, |value| Seen::Value(value.into()));
                let now_ns = minute * MINUTE_NS;
                watch.step(seen, Moment { now_ns, interval_ns: MINUTE_NS, muted: false });
                if watch.is_firing() {
                    "firing"
                } else if watch.is_pending() {
                    "pending"
                } else {
                    "inactive"
                }
            })
            .collect()
    }

    /// The rule as PromQL has it. It knows no hysteresis, so that is written with the alert's own state of a step ago.
    fn rule(&self, number: usize) -> String {
        let Self { below, clear, for_minutes, keep_firing_minutes, .. } = self;
        let beyond = if *below { "<" } else { ">" };
        format!(
            "  - alert: a{number}
    expr: 'v{number} {beyond} 5 or (v{number} {beyond} {clear} and on() \
             ALERTS{{alertname=\"a{number}\",alertstate=\"firing\"}})'
    for: {for_minutes}m
    keep_firing_for: {keep_firing_minutes}m
"
        )
    }

    fn series(&self, number: usize) -> String {
        let value = |value: &Option<u8>| value.map_or("stale".to_owned(), |value| value.to_string());
        let values: Vec<String> = self.values.iter().map(value).collect();
        format!("  - series: v{number}\n    values: '{}'\n", values.join(" "))
    }
}

/// Asks promtool whether these are the states of these alerts. `Err` with what it says.
fn holds(cases: &[Case], states: &[Vec<&'static str>]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rules = "groups:\n- name: g\n  rules:\n".to_owned();
    let mut tests =
        "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n".to_owned();
    for (number, case) in cases.iter().enumerate() {
        rules.push_str(&case.rule(number));
        tests.push_str(&case.series(number));
    }
    tests.push_str("  promql_expr_test:\n");
    for minute in 0..STEPS {
        write!(tests, "  - expr: ALERTS\n    eval_time: {minute}m\n    exp_samples:\n").expect("a string");
        for (number, states) in states.iter().enumerate().filter(|(_, states)| states[minute] != "inactive") {
            let state = states[minute];
            writeln!(
                tests,
                "    - {{labels: 'ALERTS{{alertname=\"a{number}\",alertstate=\"{state}\"}}', value: 1}}"
            )
            .expect("a string");
        }
    }
    std::fs::write(folder.path().join("rules.yml"), rules).expect("a file");
    std::fs::write(folder.path().join("tests.yml"), tests).expect("a file");
    let mut command = Command::new(promtool());
    let output =
        command.args(["test", "rules", "tests.yml"]).current_dir(&folder).output().expect("promtool runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn random_cases(count: usize) -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let mut case = || case().new_tree(&mut runner).expect("a case").current();
    (0..count).map(|_| case()).collect()
}

#[test]
fn every_state_at_every_step_is_that_of_prometheus() {
    let cases = random_cases(ALERTS);
    let states: Vec<_> = cases.iter().map(Case::states).collect();
    for state in ["inactive", "pending", "firing"] {
        let steps = states.iter().flatten().filter(|at| **at == state).count();
        assert!(steps > ALERTS, "{state} at {steps} steps only: the series are no test of it");
    }
    let Err(said) = holds(&cases, &states) else { return };
    // Which alert it is, of so many.
    for (number, (case, states)) in cases.iter().zip(&states).enumerate() {
        if let Err(said) = holds(std::slice::from_ref(case), std::slice::from_ref(states)) {
            panic!("alert {number}: {case:?}\nwe say {states:?}\n{said}");
        }
    }
    panic!("{said}");
}

#[test]
fn promtool_sees_a_single_wrong_state() {
    let cases = random_cases(20);
    let states: Vec<_> = cases.iter().map(Case::states).collect();
    holds(&cases, &states).expect("the right ones");
    for (from, to) in [("inactive", "pending"), ("pending", "firing"), ("firing", "inactive")] {
        let mut wrong = states.clone();
        let one = wrong.iter_mut().flatten().filter(|state| **state == from).nth(10).expect("one that is");
        *one = to;
        let said = holds(&cases, &wrong).expect_err("a wrong state");
        assert!(said.contains("FAILED"), "{said}");
    }
}
