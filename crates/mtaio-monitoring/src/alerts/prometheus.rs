//! Thresholds as a file of alerting rules for Prometheus.
//!
//! The file is written by hand, and not with a YAML library: it is one list of flat rules, and a JSON string is a YAML
//! scalar. What Prometheus cannot do stands in the file as a comment that says why.

use std::fmt::Write;

use crate::metrics::Quoted;

use super::alert::Level;
use super::expression::{Aggregate, Term};
use super::rule::{NoData, Rule};

/// The rules, for `rule_files` of a Prometheus 2.42 or newer that scrapes native histograms.
///
/// Each threshold is a rule, and one with a critical level two. A series of Prometheus belongs to a process (`job` and
/// `instance`), and so each process is held against the threshold by itself, as it is here.
///
/// `is_counter` says which metrics were declared as counters: those are a number over there, and the others histograms.
///
/// ```
/// use mtaio_monitoring::alerts::{Rule, RuleOptions, prometheus_rules};
///
/// let options = RuleOptions { for_seconds: 30.0, ..RuleOptions::default() };
/// let rule = Rule::new("request_duration:p99 by (route)", 0.5, options)?;
/// let file = prometheus_rules(&[rule], &|_| false);
/// assert!(file.contains("histogram_quantile(0.99, sum by (instance, job, route) (rate(request_duration[1m]))) > 0.5"));
/// assert!(file.contains("for: 30s"));
/// # Ok::<(), mtaio_monitoring::MonitoringError>(())
/// ```
#[must_use]
pub fn prometheus_rules(rules: &[Rule], is_counter: &dyn Fn(&str) -> bool) -> String {
    let mut file = String::from("# Thresholds of mtaio-monitoring, for rule_files of Prometheus 2.42 or newer.\n");
    let texts: Vec<String> = rules.iter().flat_map(|rule| levels(rule, is_counter)).collect();
    if texts.iter().all(|text| text.lines().all(|line| line.trim_start().starts_with('#'))) {
        file.push_str("groups: []\n");
        texts.iter().for_each(|text| file.push_str(text));
        return file;
    }
    file.push_str("groups:\n  - name: mtaio-monitoring\n    rules:\n");
    texts.iter().for_each(|text| file.push_str(text));
    file
}

fn levels(rule: &Rule, is_counter: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut levels = vec![rule.level];
    levels.extend(rule.critical.map(|_| Level::Critical));
    levels.into_iter().map(|level| one(rule, level, is_counter)).collect()
}

/// The rule of one level.
fn one(rule: &Rule, level: Level, is_counter: &dyn Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut write = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).and_then(|()| text.write_char('\n')).expect("a String takes everything");
    };
    for remark in remarks(rule) {
        write(format_args!("      # {}: {remark}", one_line(&rule.metric)));
    }
    let value = match promql(rule, is_counter) {
        Ok(value) => value,
        Err(why) => {
            write(format_args!("      # {}: not written, because {why}", one_line(&rule.metric)));
            return text;
        }
    };
    let (threshold, clear) = rule.bounds(level);
    let beyond = if rule.below { "<" } else { ">" };
    let mut condition = format!("{value} {beyond} {}", number(threshold));
    if clear != threshold {
        // What fires goes on until the other bound: Prometheus knows what fires as a series of its own.
        let labels = grouping(rule).join(", ");
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
        write(format_args!("          {}: {}", valid(name), yaml(&template(annotation))));
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

/// The labels that make out an instance of the rule, over there.
fn grouping(rule: &Rule) -> Vec<String> {
    let mut labels = vec!["instance".to_owned(), "job".to_owned()];
    labels.extend(rule.expression.by.iter().map(|label| valid(label)));
    labels.sort();
    labels.dedup();
    labels
}

/// The value in PromQL, or why there is none.
fn promql(rule: &Rule, is_counter: &dyn Fn(&str) -> bool) -> Result<String, &'static str> {
    let labels = grouping(rule).join(", ");
    let of_term = |term: &Term| -> Result<String, &'static str> {
        let (series, window) = (selected(term), duration(rule.window_ns));
        let sum = |function: &str| format!("sum by ({labels}) ({function}({series}[{window}]))");
        if is_counter(&term.metric) {
            return match term.aggregate {
                Aggregate::Last => Ok(format!("sum by ({labels}) ({series})")),
                Aggregate::Sum => Ok(sum("increase")),
                Aggregate::Rate => Ok(sum("rate")),
                Aggregate::Count => {
                    Err("a counter of Prometheus does not know how often it was added to; sum is what it grew by")
                }
                _ => Err("a counter of Prometheus has no distribution"),
            };
        }
        Ok(match term.aggregate {
            Aggregate::Last => {
                let most = if rule.below { "min" } else { "max" };
                format!("{most} by ({labels}) ({series})")
            }
            Aggregate::Count => format!("histogram_count({})", sum("increase")),
            Aggregate::Sum => format!("histogram_sum({})", sum("increase")),
            Aggregate::Rate => format!("histogram_count({})", sum("rate")),
            Aggregate::Mean => format!("(histogram_sum({0}) / histogram_count({0}))", sum("rate")),
            Aggregate::Quantile(percent) => format!("histogram_quantile({}, {})", percent.share(), sum("rate")),
            Aggregate::Min | Aggregate::Max => {
                return Err("a histogram of Prometheus keeps neither the smallest nor the largest value");
            }
        })
    };
    let value = of_term(&rule.expression.term)?;
    match &rule.expression.divisor {
        Some(divisor) => Ok(format!("({value} / {})", of_term(divisor)?)),
        None => Ok(value),
    }
}

fn selected(term: &Term) -> String {
    let conditions: Vec<String> = term
        .selector
        .iter()
        .map(|condition| {
            let operator = if condition.equal { "=" } else { "!=" };
            format!("{}{operator}{}", valid(&condition.label), Quoted(&condition.value))
        })
        .collect();
    let name = valid(&term.metric);
    if conditions.is_empty() { name } else { format!("{name}{{{}}}", conditions.join(",")) }
}

/// A name that Prometheus allows: other characters become `_`.
fn valid(name: &str) -> String {
    let allowed = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
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
