//! The evidence of an alert as text: a few lines for a log or a chat.

use std::fmt;

use crate::alerts::{Evidence, ProcessEvidence, TraceEvidence};
use crate::profiler::Status;
use crate::rates::SystemStats;

use super::writing::columns::{Align, align};
use super::writing::printable::fit;
use super::writing::quantity::{Unit, hundredths, quantity, whole};

/// Columns that a name may take: of hostile ones a line must not consist.
const NAME_COLUMNS: usize = 48;

impl fmt::Display for Evidence {
    /// Lines in columns, without a line feed at the end. Names are escaped where they could do harm, and cut.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        if let Some(sample) = &self.sample {
            let age = self.timestamp - sample.timestamp;
            // A sample is seldom older than an interval; one of a long interval may tell of another time.
            let ago = if age >= 2.0 { format!("  {} before", seconds(age)) } else { String::new() };
            lines.push(format!("sample   {}{ago}", sample_line(sample)));
        }
        lines.extend(headed(
            "open",
            &self.slowest_open.iter().map(|one| self.trace(one)).collect::<Vec<_>>(),
            &TRACE,
        ));
        lines.extend(headed(
            "recent",
            &self.slowest_recent.iter().map(|one| self.trace(one)).collect::<Vec<_>>(),
            &TRACE,
        ));
        let mut processes: Vec<Vec<String>> = self.biggest_processes.iter().map(process).collect();
        if let (Some(first), Some(age)) =
            (processes.first_mut(), self.processes_age_seconds.filter(|&age| age >= 1.0))
        {
            first.push(format!("looked at {} before", seconds(age)));
        }
        lines.extend(headed("process", &processes, &[Align::Right, Align::Right]));
        if lines.is_empty() {
            lines.push("nothing was measured".to_owned());
        }
        formatter.write_str(&lines.join("\n"))
    }
}

const TRACE: [Align; 1] = [Align::Right];

/// Rows in columns, the first with what they are in front of it.
fn headed(head: &str, rows: &[Vec<String>], sides: &[Align]) -> Vec<String> {
    let line = |(at, line): (usize, String)| format!("{:<9}{line}", if at == 0 { head } else { "" });
    align(rows, sides).into_iter().enumerate().map(line).collect()
}

fn sample_line(sample: &SystemStats) -> String {
    let percent = |value: Option<f64>| quantity(value, Unit::Percent);
    let (cpu, memory, process) = (&sample.cpu, &sample.memory, &sample.process);
    let mut parts = vec![
        format!("cpu {}", percent(cpu.usage_percent)),
        format!(
            "memory {} ({} of {})",
            percent(memory.percent),
            whole(memory.used, Unit::Bytes),
            whole(memory.total, Unit::Bytes)
        ),
    ];
    if let Some([one, ..]) = cpu.load_average {
        parts.push(format!("load {}", hundredths(Some(one))));
    }
    if process.rss_bytes.is_some() || cpu.process_cores_used.is_some() {
        let cores = hundredths(cpu.process_cores_used);
        parts.push(format!("this process {} and {cores} cores", whole(process.rss_bytes, Unit::Bytes)));
    }
    parts.join(", ")
}

fn process(process: &ProcessEvidence) -> Vec<String> {
    let mean = if process.cpu_is_lifetime_mean { " in its life" } else { "" };
    let own = if process.is_own { ", this one" } else { "" };
    vec![
        whole(process.rss_bytes, Unit::Bytes),
        format!("{} cores{mean}", hundredths(process.cpu_cores_used)),
        format!("{} (pid {}{own})", fit(&process.name, NAME_COLUMNS), process.pid),
    ]
}

impl Evidence {
    fn trace(&self, trace: &TraceEvidence) -> Vec<String> {
        let mut row = vec![seconds(trace.duration_seconds), fit(&trace.name, NAME_COLUMNS)];
        if let Some(task) = &trace.task_name {
            row.push(format!("in {}", fit(task, NAME_COLUMNS)));
        }
        if trace.status != Status::Open {
            let ended = trace.start_time + trace.duration_seconds;
            row.push(format!("{}, {} before", trace.status.name(), seconds((self.timestamp - ended).max(0.0))));
        }
        row
    }
}

fn seconds(seconds: f64) -> String {
    quantity(Some(seconds), Unit::Seconds)
}
