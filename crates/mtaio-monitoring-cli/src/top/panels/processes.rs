//! The processes, in the order that the user has chosen.

use std::cmp::Ordering;

use mtaio_monitoring::export::writing::columns::{Align, pad};
use mtaio_monitoring::export::writing::quantity::{Unit, whole};
use mtaio_monitoring::rates::ProcessEvidence;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::{Order, Panel, State, Top};
use super::table::Table;
use super::{Fact, Shown, share};

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let all = all(shown.top);
    let listed = rows(shown.top);
    let mut facts =
        vec![("", if listed == all.len() { listed.to_string() } else { format!("{listed} of {}", all.len()) })];
    if shown.top.remote.is_some() {
        facts = vec![("", "not told".to_owned())];
    } else if shown.top.state.held.is_some() && all.is_empty() {
        facts = vec![("", "not kept for so long".to_owned())];
    }
    facts
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let state = &shown.top.state;
    let heading = |order: Order, name: &str| {
        let mark = if state.reversed { "▴" } else { "▾" };
        if state.order == order { format!("{name}{mark}") } else { name.to_owned() }
    };
    let mut processes: Vec<&ProcessEvidence> = shown_of(shown.top).collect();
    processes.sort_by(|left, right| compare(state, left, right));
    let total = shown.stats.memory.host_total.filter(|total| *total > 0);
    let row = |process: &&ProcessEvidence| {
        let of_memory = process.rss_bytes.zip(total).map(|(bytes, total)| 100.0 * bytes as f64 / total as f64);
        let cells = vec![
            format!("{} {}", pad(&process.pid.to_string(), 7, Align::Right), process.name),
            share(process.cpu_cores_used.map(|cores| 100.0 * cores)),
            whole(process.rss_bytes, Unit::Bytes),
            share(of_memory),
            whole(process.threads, Unit::Plain),
        ];
        let style = if process.is_own { shown.appearance.quiet() } else { Style::new() };
        (cells, style)
    };
    Table {
        columns: vec![
            format!("{} {}", pad(&heading(Order::Number, "pid"), 7, Align::Right), heading(Order::Name, "name")),
            heading(Order::Processor, "cpu %"),
            heading(Order::Memory, "memory"),
            "mem %".to_owned(),
            heading(Order::Threads, "threads"),
        ],
        rows: processes.iter().map(row).collect(),
        name_columns: 16,
    }
    .render(Panel::Processes, shown, area, buffer);
}

pub(super) fn rows(top: &Top) -> usize {
    shown_of(top).count()
}

fn all(top: &Top) -> &[ProcessEvidence] {
    let lists = top.record.lists_at(top.state.held).1;
    lists.and_then(|lists| lists.processes.as_deref()).unwrap_or_default()
}

fn shown_of(top: &Top) -> impl Iterator<Item = &ProcessEvidence> {
    let is_shown = |process: &&ProcessEvidence| {
        top.state.filter.is_empty()
            || top.state.shows(&process.name)
            || process.pid.to_string() == top.state.filter
    };
    all(top).iter().filter(is_shown)
}

/// What is most first; names and numbers from the beginning. What is equal stays where it is, by its number.
fn compare(state: &State, left: &ProcessEvidence, right: &ProcessEvidence) -> Ordering {
    let cores = |process: &ProcessEvidence| process.cpu_cores_used.unwrap_or(-1.0);
    let order = match state.order {
        Order::Processor => cores(right).total_cmp(&cores(left)).then(right.rss_bytes.cmp(&left.rss_bytes)),
        Order::Memory => right.rss_bytes.cmp(&left.rss_bytes),
        Order::Threads => right.threads.cmp(&left.threads),
        Order::Number => Ordering::Equal,
        Order::Name => left.name.cmp(&right.name),
    };
    let order = order.then(left.pid.cmp(&right.pid));
    if state.reversed { order.reverse() } else { order }
}
