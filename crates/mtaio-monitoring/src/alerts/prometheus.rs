//! Thresholds as a file of alerting rules for Prometheus.
//!
//! The file is written by hand, and not with a YAML library: it is one list of flat rules, and a JSON string is a YAML
//! scalar. What Prometheus cannot do stands in the file as a comment that says why.

use std::fmt::Write;

use crate::metrics::catalogue::{BuiltIn, Kind};
use crate::metrics::exposed::{BaseUnit, family_name, label_name, metric_name};
use crate::metrics::{Declaration, Quoted};

use super::alert::Level;
use super::expression::{Aggregate, Term};
use super::rule::{NoData, Rule};

/// The rules, for `rule_files` of a Prometheus 2.42 or newer that scrapes this process ([`Exposition`]), with the names
/// and the base units of that scrape: a threshold of 80 % is one of 0.8 there.
///
/// Each threshold is a rule, and one with a critical level two. A series of Prometheus belongs to a process (`job` and
/// `instance`), and so each process is held against the threshold by itself, as it is here.
///
/// `declared` says what a metric was declared as, since that decides what a scrape tells of it: of a counter the total, of
/// a histogram counts at some bounds, of anything else the value recorded last.
///
/// ```
/// use mtaio_monitoring::alerts::{Rule, RuleOptions, prometheus_rules};
/// use mtaio_monitoring::metrics::Declaration;
/// use mtaio_monitoring::metrics::catalogue::Kind;
///
/// let options = RuleOptions { for_seconds: 30.0, ..RuleOptions::default() };
/// let rule = Rule::new("latency:p99 by (route)", 500.0, options)?;
/// let latency = Declaration::new(Kind::Histogram, "ms", "Time that a request took.")?;
/// let file = prometheus_rules(&[rule], &|name| (name == "latency").then(|| latency.clone()));
/// let value = "histogram_quantile(0.99, sum by (instance, job, le, route) (rate(latency_seconds_bucket[1m])))";
/// assert!(file.contains(&format!("{value} > 0.5")));
/// assert!(file.contains("for: 30s"));
/// # Ok::<(), mtaio_monitoring::MonitoringError>(())
/// ```
///
/// [`Exposition`]: crate::export::Exposition
#[must_use]
pub fn prometheus_rules(rules: &[Rule], declared: &dyn Fn(&str) -> Option<Declaration>) -> String {
    let mut file = String::from("# Thresholds of mtaio-monitoring, for rule_files of Prometheus 2.42 or newer.\n");
    let texts: Vec<String> = rules.iter().flat_map(|rule| levels(rule, declared)).collect();
    if texts.iter().all(|text| text.lines().all(|line| line.trim_start().starts_with('#'))) {
        file.push_str("groups: []\n");
        texts.iter().for_each(|text| file.push_str(text));
        return file;
    }
    file.push_str("groups:\n  - name: mtaio-monitoring\n    rules:\n");
    texts.iter().for_each(|text| file.push_str(text));
    file
}

/// What a metric was declared as; `None` where it was not.
type Declared<'a> = &'a dyn Fn(&str) -> Option<Declaration>;

fn levels(rule: &Rule, declared: Declared<'_>) -> Vec<String> {
    let mut levels = vec![rule.level];
    levels.extend(rule.critical.map(|_| Level::Critical));
    levels.into_iter().map(|level| one(rule, level, declared)).collect()
}

/// The rule of one level.
fn one(rule: &Rule, level: Level, declared: Declared<'_>) -> String {
    let mut text = String::new();
    let mut write = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).and_then(|()| text.write_char('\n')).expect("a String takes everything");
    };
    for remark in remarks(rule) {
        write(format_args!("      # {}: {remark}", one_line(&rule.metric)));
    }
    let Value { text: value, divided, divisor } = match promql(rule, declared) {
        Ok(value) => value,
        Err(why) => {
            write(format_args!("      # {}: not written, because {why}", one_line(&rule.metric)));
            return text;
        }
    };
    let (threshold, clear) = rule.bounds(level);
    let is_changed = clear != threshold;
    let [threshold, clear] = [threshold, clear].map(|bound| divisor.convert_back(divided.convert(bound)));
    let beyond = if rule.below { "<" } else { ">" };
    let mut condition = format!("{value} {beyond} {}", number(threshold));
    if is_changed {
        // What fires goes on until the other bound: Prometheus knows what fires as a series of its own.
        let labels = grouping(rule, None).join(", ");
        let name = Quoted(&rule.metric);
        let firing = format!("ALERTS{{alertname={name},alertstate=\"firing\",severity=\"{}\"}}", level.name());
        write!(condition, " or ({value} {beyond} {} and on ({labels}) {firing})", number(clear))
            .expect("a String takes everything");
    }
    write(format_args!("      - alert: {}", yaml(&rule.metric)));
    write(format_args!("        expr: {}", yaml(&condition)));
    for (key, nanoseconds) in [("for", rule.for_ns), ("keep_firing_for", rule.keep_firing_ns)] {
        if nanoseconds > 0 {
            write(format_args!("        {key}: {}", duration(nanoseconds)));
        }
    }
    write(format_args!("        labels:\n          severity: {}", level.name()));
    let side = if rule.below { "below" } else { "above" };
    let message =
        format!("{} is {{{{ $value }}}}, {side} its threshold of {}", template(&rule.metric), number(threshold));
    write(format_args!("        annotations:"));
    // A rule's own text of that name is the better one.
    if !rule.annotations.contains_key("message") {
        write(format_args!("          message: {}", yaml(&message)));
    }
    for (name, annotation) in rule.annotations.iter() {
        write(format_args!("          {}: {}", metric_name(name), yaml(&template(annotation))));
    }
    text
}

/// What is so here and not there.
fn remarks(rule: &Rule) -> Vec<&'static str> {
    let is_so = [
        (rule.samples != (1, 1), "n of m samples has no counterpart; each evaluation decides"),
        (rule.cool_down_ns > 0, "the cool-down has no counterpart; see group_interval of Alertmanager"),
        (rule.repeat_ns.is_some(), "repetition is Alertmanager's: repeat_interval"),
        (rule.grace_ns > 0, "a time of grace after the start has no counterpart"),
        (
            rule.no_data == NoData::Alert,
            "that it fires without a value has no counterpart; alert on absent(...) as well",
        ),
        (rule.no_data == NoData::Keep, "without a value it resolves, where it stays as it is here"),
    ];
    is_so.into_iter().filter(|(so, _)| *so).map(|(_, remark)| remark).collect()
}

/// The labels that make out an instance of the rule, over there, and one more.
fn grouping(rule: &Rule, more: Option<&str>) -> Vec<String> {
    let mut labels = vec!["instance".to_owned(), "job".to_owned()];
    labels.extend(rule.expression.by.iter().map(|label| label_name(label).into_owned()));
    labels.extend(more.map(str::to_owned));
    labels.sort();
    labels.dedup();
    labels
}

/// A value in PromQL.
struct Value {
    text: String,
    /// The units of what is divided and of what it is divided by, which the bounds must be brought to.
    divided: BaseUnit,
    divisor: BaseUnit,
}

/// The value in PromQL, or why there is none.
fn promql(rule: &Rule, declared: Declared<'_>) -> Result<Value, &'static str> {
    let (divided, unit) = of_term(rule, &rule.expression.term, declared)?;
    Ok(match &rule.expression.divisor {
        None => Value { text: divided, divided: unit, divisor: BaseUnit::NONE },
        Some(divisor) => {
            let (divisor, unit_below) = of_term(rule, divisor, declared)?;
            Value { text: format!("({divided} / {divisor})"), divided: unit, divisor: unit_below }
        }
    })
}

/// One side of an expression, and the unit that it is in.
fn of_term(rule: &Rule, term: &Term, declared: Declared<'_>) -> Result<(String, BaseUnit), &'static str> {
    let (kind, unit) = match (BuiltIn::from_name(&term.metric).map(BuiltIn::description), declared(&term.metric)) {
        (Some(about), _) => (about.kind, BaseUnit::of(about.unit)),
        (None, Some(declared)) => (declared.kind(), BaseUnit::of(declared.unit())),
        (None, None) => (Kind::Untyped, BaseUnit::NONE),
    };
    let family = family_name(&term.metric, kind, unit);
    let window = duration(rule.window_ns);
    let of = |ending: &str, function: &str, more: Option<&str>| {
        let labels = grouping(rule, more).join(", ");
        format!("sum by ({labels}) ({function}({family}{ending}{}[{window}]))", selected(term))
    };
    let least_or_most = if rule.below { "min" } else { "max" };
    match (kind, term.aggregate) {
        (Kind::Counter, Aggregate::Last) => {
            let labels = grouping(rule, None).join(", ");
            Ok((format!("sum by ({labels}) ({family}_total{})", selected(term)), unit))
        }
        (Kind::Counter, Aggregate::Sum) => Ok((of("_total", "increase", None), unit)),
        (Kind::Counter, Aggregate::Rate) => Ok((of("_total", "rate", None), unit)),
        (Kind::Counter, Aggregate::Count) => {
            Err("a counter of Prometheus does not know how often it was added to; sum is what it grew by")
        }
        (Kind::Counter, _) => Err("a counter of Prometheus has no distribution"),
        (Kind::Histogram, Aggregate::Count) => Ok((of("_count", "increase", None), BaseUnit::NONE)),
        (Kind::Histogram, Aggregate::Rate) => Ok((of("_count", "rate", None), BaseUnit::NONE)),
        (Kind::Histogram, Aggregate::Sum) => Ok((of("_sum", "increase", None), unit)),
        (Kind::Histogram, Aggregate::Mean) => {
            Ok((format!("({} / {})", of("_sum", "rate", None), of("_count", "rate", None)), unit))
        }
        (Kind::Histogram, Aggregate::Quantile(percent)) => {
            let buckets = of("_bucket", "rate", Some("le"));
            Ok((format!("histogram_quantile({}, {buckets})", percent.share()), unit))
        }
        (Kind::Histogram, Aggregate::Min | Aggregate::Max) => {
            Err("a histogram of Prometheus keeps neither the smallest nor the largest value")
        }
        (Kind::Histogram, Aggregate::Last) => {
            Err("a histogram of Prometheus does not keep the value recorded last")
        }
        (Kind::Gauge | Kind::Untyped, Aggregate::Last) => {
            let labels = grouping(rule, None).join(", ");
            Ok((format!("{least_or_most} by ({labels}) ({family}{})", selected(term)), unit))
        }
        (Kind::Gauge, _) => Err("of a gauge Prometheus knows the values at its scrapes only"),
        (Kind::Untyped, _) => Err(
            "of a metric that was not declared a scrape tells the value recorded last; declare it as a histogram \
                 or a counter",
        ),
    }
}

fn selected(term: &Term) -> String {
    let conditions: Vec<String> = term
        .selector
        .iter()
        .map(|condition| {
            let operator = if condition.equal { "=" } else { "!=" };
            format!("{}{operator}{}", label_name(&condition.label), Quoted(&condition.value))
        })
        .collect();
    if conditions.is_empty() { String::new() } else { format!("{{{}}}", conditions.join(",")) }
}

/// A number as PromQL reads it.
fn number(value: f64) -> String {
    format!("{value}")
}

/// A duration as Prometheus reads it, to the millisecond and never 0.
fn duration(nanoseconds: u64) -> String {
    let milliseconds = (nanoseconds / 1_000_000).max(1);
    match milliseconds {
        minutes if minutes.is_multiple_of(60_000) => format!("{}m", minutes / 60_000),
        seconds if seconds.is_multiple_of(1_000) => format!("{}s", seconds / 1_000),
        milliseconds => format!("{milliseconds}ms"),
    }
}

/// Text in an annotation, which is a template there.
fn template(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
