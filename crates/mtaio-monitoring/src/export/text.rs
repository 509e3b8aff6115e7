//! A profile, and the difference of two, as people read them: a table by name, the call tree, and what is missing.

use std::fmt;

use crate::profiler::{DiffRow, Profile, ProfileDiff, ProfileMetrics};

use super::tree::CallTree;
use super::writing::columns::{Align, align};
use super::writing::printable::fit;
use super::writing::quantity::{NOTHING, Unit, number, quantity};

/// Columns that a name may take.
const NAME_WIDTH: usize = 44;

/// Rows of a table, unless all are asked for.
const MOST_ROWS: usize = 30;

/// How deep the call tree is shown, how many calls below one, and how many lines in all.
const MOST_DEPTH: u32 = 8;
const MOST_CHILDREN: usize = 10;
const MOST_LINES: usize = 60;

/// Names of open traces that are told.
const MOST_OPEN: usize = 5;

/// A table by name (the longest total time first), the call tree, and what was let go, dropped or is still open.
/// `{:#}` shows all of it, where `{}` shows what fits a screen.
///
/// ```
/// use mtaio_monitoring::Profiler;
///
/// let profiler = Profiler::new();
/// drop(profiler.enter("parse"));
/// let text = profiler.profile().to_string();
/// assert!(text.starts_with("1 trace of 1 name in "));
/// assert!(text.lines().any(|line| line.starts_with("parse      1  ")));
/// ```
impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = formatter.alternate();
        let mut metrics: Vec<_> = self.metrics_by_name().into_iter().collect();
        metrics.sort_by(|(_, left), (_, right)| right.total_time.total_cmp(&left.total_time));
        write_title(formatter, self, metrics.len())?;
        if !metrics.is_empty() {
            formatter.write_str("\n")?;
            write_table(formatter, &metrics, if is_whole { usize::MAX } else { MOST_ROWS })?;
        }
        let tree = CallTree::of(self);
        if !tree.nodes.is_empty() {
            formatter.write_str("\n")?;
            write_tree(formatter, &tree, is_whole)?;
        }
        write_losses(formatter, self)
    }
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn seconds(value: f64) -> String {
    quantity(Some(value), Unit::Seconds)
}

fn nanoseconds(value: u64) -> String {
    seconds(value as f64 / 1e9)
}

fn write_title(formatter: &mut fmt::Formatter<'_>, profile: &Profile, names: usize) -> fmt::Result {
    let finished = profile.traces().len() as u64 + profile.let_go();
    writeln!(
        formatter,
        "{} of {} in {}, {}",
        count(finished, "trace", "traces"),
        count(names as u64, "name", "names"),
        seconds(profile.total_time()),
        count(profile.tasks().count() as u64, "task", "tasks"),
    )
}

/// Lines without blanks at their ends, and what is left out.
fn write_rows(
    formatter: &mut fmt::Formatter<'_>,
    rows: &[Vec<String>],
    sides: &[Align],
    left_out: usize,
) -> fmt::Result {
    for line in align(rows, sides) {
        writeln!(formatter, "{line}")?;
    }
    if left_out > 0 {
        writeln!(formatter, "… and {left_out} more")?;
    }
    Ok(())
}

const TABLE: [&str; 11] =
    ["NAME", "CALLS", "TOTAL", "RUN", "WAIT", "MEAN", "P50", "P90", "P99", "MEMORY", "ERRORS"];

/// Names on the left, numbers on the right.
fn sides(columns: usize) -> Vec<Align> {
    (0..columns).map(|column| if column == 0 { Align::Left } else { Align::Right }).collect()
}

fn heading(titles: &[&str]) -> Vec<String> {
    titles.iter().map(|title| (*title).to_owned()).collect()
}

fn write_table(
    formatter: &mut fmt::Formatter<'_>,
    metrics: &[(std::sync::Arc<str>, ProfileMetrics)],
    most: usize,
) -> fmt::Result {
    let mut rows = vec![heading(&TABLE)];
    for (name, metrics) in metrics.iter().take(most) {
        let known = |value: f64| if metrics.run_count == 0 { NOTHING.to_owned() } else { seconds(value) };
        let percentile = |percentile| quantity(metrics.percentiles.get(&percentile).copied(), Unit::Seconds);
        rows.push(vec![
            fit(name, NAME_WIDTH),
            metrics.call_count.to_string(),
            seconds(metrics.total_time),
            known(metrics.run_time),
            known(metrics.wait_time),
            seconds(metrics.avg_time),
            percentile(50),
            percentile(90),
            percentile(99),
            quantity(Some(metrics.memory_total as f64), Unit::Bytes),
            metrics.error_count.to_string(),
        ]);
    }
    write_rows(formatter, &rows, &sides(TABLE.len()), metrics.len().saturating_sub(most))
}

/// A line of the call tree that is still to be written: a node, or how many of a node's children are left out.
enum Line {
    Node(u32),
    LeftOut { depth: u32, calls: usize, is_deeper: bool },
}

fn write_tree(formatter: &mut fmt::Formatter<'_>, tree: &CallTree<'_>, is_whole: bool) -> fmt::Result {
    let most = |limit: usize| if is_whole { usize::MAX } else { limit };
    let most_depth = if is_whole { u32::MAX } else { MOST_DEPTH };
    let mut rows = vec![heading(&["CALL TREE", "CALLS", "TOTAL", "SELF"])];
    let mut waiting = Vec::new();
    push_children(&mut waiting, &tree.roots, 0, most(MOST_CHILDREN));
    let mut left_out = 0;
    while let Some(line) = waiting.pop() {
        match line {
            Line::Node(_) if rows.len() > most(MOST_LINES) => left_out += 1,
            Line::LeftOut { .. } if rows.len() > most(MOST_LINES) => {}
            Line::Node(place) => {
                let node = &tree.nodes[place as usize];
                let indent = "  ".repeat(node.depth.min(20) as usize);
                let open = if node.open > 0 { format!(" ({} open)", node.open) } else { String::new() };
                rows.push(vec![
                    format!("{indent}{}{open}", fit(node.name, NAME_WIDTH)),
                    node.calls.to_string(),
                    nanoseconds(node.total),
                    nanoseconds(node.own),
                ]);
                if node.depth + 1 < most_depth {
                    push_children(&mut waiting, &node.children, node.depth + 1, most(MOST_CHILDREN));
                } else if !node.children.is_empty() {
                    let (depth, calls) = (node.depth + 1, node.children.len());
                    waiting.push(Line::LeftOut { depth, calls, is_deeper: true });
                }
            }
            Line::LeftOut { depth, calls, is_deeper } => {
                let indent = "  ".repeat(depth.min(20) as usize);
                let what = if is_deeper { "below" } else { "more" };
                rows.push(vec![format!("{indent}… and {calls} {what}")]);
            }
        }
    }
    write_rows(formatter, &rows, &sides(4), left_out)
}

fn push_children(waiting: &mut Vec<Line>, children: &[u32], depth: u32, most: usize) {
    if children.len() > most {
        waiting.push(Line::LeftOut { depth, calls: children.len() - most, is_deeper: false });
    }
    waiting.extend(children.iter().take(most).rev().map(|child| Line::Node(*child)));
}

fn write_losses(formatter: &mut fmt::Formatter<'_>, profile: &Profile) -> fmt::Result {
    let mut notes = Vec::new();
    if profile.let_go() > 0 {
        let traces = count(profile.let_go(), "trace was", "traces were");
        notes.push(format!("{traces} let go: counted in the table, not in the call tree"));
    }
    if profile.dropped() > 0 {
        let traces = count(profile.dropped(), "trace was", "traces were");
        notes.push(format!("{traces} dropped: too many were open at once"));
    }
    let open = profile.open_traces();
    if open.len() > 0 {
        let is_are = count(open.len() as u64, "trace is", "traces are");
        // The ones that have been open for the longest time began first.
        let shown = open.clone().take(MOST_OPEN);
        let shown =
            shown.map(|trace| format!("{} for {}", fit(trace.name(), NAME_WIDTH), seconds(trace.duration())));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = open.len().saturating_sub(MOST_OPEN);
        let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
        notes.push(format!("{is_are} open: {shown}{more}"));
    }
    if !notes.is_empty() {
        formatter.write_str("\n")?;
    }
    notes.iter().try_for_each(|note| writeln!(formatter, "{note}"))
}

/// A table by name, what changed the most first. `{:#}` shows every name, where `{}` shows those that changed and fit a
/// screen.
impl fmt::Display for ProfileDiff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = formatter.alternate();
        let (before, after) = (self.before(), self.after());
        writeln!(
            formatter,
            "{} → {}, total {} → {} ({})",
            count(before.call_count, "trace", "traces"),
            count(after.call_count, "trace", "traces"),
            seconds(before.total_time),
            seconds(after.total_time),
            signed_seconds(after.total_time - before.total_time),
        )?;
        let is_shown = |row: &&DiffRow| is_whole || row.before != row.after;
        let shown: Vec<&DiffRow> = self.rows().iter().filter(is_shown).collect();
        let unchanged = self.rows().len() - shown.len();
        if !shown.is_empty() {
            formatter.write_str("\n")?;
            let most = if is_whole { usize::MAX } else { MOST_ROWS };
            let titles = ["NAME", "CHANGE", "", "TOTAL", "CALLS", "MEAN", "P50", "P99"];
            let mut rows = vec![heading(&titles)];
            rows.extend(shown.iter().take(most).map(|row| diff_row(row)));
            write_rows(formatter, &rows, &sides(titles.len()), shown.len().saturating_sub(most))?;
        }
        if unchanged > 0 {
            writeln!(formatter, "\n{} the same in both", count(unchanged as u64, "name is", "names are"))?;
        }
        Ok(())
    }
}

fn diff_row(row: &DiffRow) -> Vec<String> {
    let both = |value: &dyn Fn(&ProfileMetrics) -> String| {
        let (before, after) = (row.before.as_ref().map(value), row.after.as_ref().map(value));
        let nothing = || NOTHING.to_owned();
        format!("{} → {}", before.unwrap_or_else(nothing), after.unwrap_or_else(nothing))
    };
    let percentile = |percentile: u8| {
        move |metrics: &ProfileMetrics| quantity(metrics.percentiles.get(&percentile).copied(), Unit::Seconds)
    };
    let share = match row.total_change_share() {
        _ if row.is_new() => "new".to_owned(),
        _ if row.is_gone() => "gone".to_owned(),
        Some(share) => signed_percent(share * 100.0),
        None => String::new(),
    };
    vec![
        fit(&row.name, NAME_WIDTH),
        signed_seconds(row.total_change()),
        share,
        both(&|metrics| seconds(metrics.total_time)),
        both(&|metrics| metrics.call_count.to_string()),
        both(&|metrics| seconds(metrics.avg_time)),
        both(&percentile(50)),
        both(&percentile(99)),
    ]
}

fn signed_seconds(value: f64) -> String {
    let text = seconds(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

fn signed_percent(value: f64) -> String {
    let text = if value.abs() < 999.5 { format!("{value:.1} %") } else { format!("{} %", number(value.round())) };
    if value > 0.0 { format!("+{text}") } else { text }
}
