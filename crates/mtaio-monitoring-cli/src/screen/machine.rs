//! The machine and the process: processors, memory, load, threads, disks.

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::rates::SystemStats;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{RenderDirection, Sparkline, Widget};

use crate::appearance::Appearance;
use crate::moment::length;
use crate::view::View;
use mtaio_monitoring::export::writing::columns::{Align, pad};
use mtaio_monitoring::export::writing::quantity::{Unit, hundredths, quantity, whole};

use super::rows::{Rows, facts};

/// Columns of the names on the left.
const NAME: usize = 9;
/// Columns of a percentage: `100.0 %`.
const PERCENT: usize = 7;

/// Seven lines: processors and memory with a gauge and the recent past, and what stands behind their numbers.
pub(super) fn render(view: &View, appearance: &Appearance, rows: &mut Rows, buffer: &mut Buffer) {
    let stats = view.snapshot.stats.clone().unwrap_or_default();
    let width = usize::from(rows.width()).saturating_sub(NAME + 1);
    let named = |name: &str, pairs| {
        let mut spans = vec![Span::styled(pad(&format!(" {name}"), NAME, Align::Left), appearance.quiet())];
        spans.extend(facts(pairs, width, appearance.quiet()));
        Line::from(spans)
    };
    meter(view, appearance, BuiltIn::CpuUsage, "cpu", rows.take(1), buffer);
    rows.line(buffer, named("", modes(&stats)));
    meter(view, appearance, BuiltIn::MemoryUsage, "memory", rows.take(1), buffer);
    rows.line(buffer, named("", memory(&stats)));
    rows.line(buffer, named("load", load(&stats)));
    rows.line(buffer, named("process", process(&stats)));
    rows.line(buffer, named("disk", disk(&stats)));
}

/// The share of processors in use over the recent past, a column a sample, and memory beside it where it is wide.
pub(super) fn render_chart(view: &View, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let gap = 2;
    let half = area.width.saturating_sub(gap) / 2;
    let left = Rect { width: half, ..area };
    let right = Rect { x: area.x + area.width - half, width: half, ..area };
    chart(view, appearance, BuiltIn::CpuUsage, "cpu", left, buffer);
    chart(view, appearance, BuiltIn::MemoryUsage, "memory", right, buffer);
}

fn chart(view: &View, appearance: &Appearance, metric: BuiltIn, name: &str, area: Rect, buffer: &mut Buffer) {
    let mut rows = Rows::new(area);
    rows.skip(1);
    let columns = usize::from(area.width.saturating_sub(1));
    let shown = view.history.len().min(columns);
    let since = match shown.checked_sub(1).map(|back| &view.history[view.history.len() - 1 - back]) {
        Some(oldest) => {
            let newest = view.history.last().map_or(0.0, |newest| newest.timestamp);
            let past = newest - oldest.timestamp;
            let past = if past < 1.0 { quantity(Some(past), Unit::Seconds) } else { length(past.round()) };
            format!(", last {past}")
        }
        None => String::new(),
    };
    rows.line(buffer, Line::styled(format!(" {name}, 0 to 100 %{since}"), appearance.quiet()));
    let inner = rows.take(u16::MAX);
    let inner = Rect { x: inner.x + 1.min(inner.width), width: inner.width.saturating_sub(1), ..inner };
    sparkline(view, appearance, metric, inner, buffer);
}

/// `cpu   38.2 % ▕███████▌          ▏ ▂▃▅▆▇█▇▅▃`
fn meter(view: &View, appearance: &Appearance, metric: BuiltIn, name: &str, area: Rect, buffer: &mut Buffer) {
    let value = view.snapshot.stats.as_ref().and_then(|stats| stats.value(metric));
    let style = urgency(view, appearance, metric);
    let spans = vec![
        Span::styled(pad(&format!(" {name}"), NAME, Align::Left), appearance.title()),
        Span::styled(pad(&quantity(value, Unit::Percent), PERCENT, Align::Right), style),
    ];
    Line::from(spans).render(area, buffer);
    let mut right = after(area, (NAME + PERCENT + 1) as u16);
    if right.width < 12 {
        return;
    }
    let track = Rect { width: right.width / 2, ..right };
    right = after(right, track.width + 1);
    Span::styled("▕", appearance.quiet()).render(Rect { width: 1, ..track }, buffer);
    let bar = Rect { x: track.x + 1, width: track.width - 2, ..track };
    Span::styled(gauge(value.unwrap_or(0.0), bar.width), style).render(bar, buffer);
    Span::styled("▏", appearance.quiet()).render(Rect { x: bar.x + bar.width, width: 1, ..track }, buffer);
    let past = Rect { width: right.width.saturating_sub(1), ..right };
    sparkline(view, appearance, metric, past, buffer);
}

/// A bar of whole and eighth blocks. ratatui's `Gauge` always leaves a cell blank for its label, even an empty one.
fn gauge(percent: f64, width: u16) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    // A cast of a float saturates at both ends, and takes what is not a number for 0.
    let filled = (percent / 100.0 * f64::from(width) * 8.0).round() as usize;
    let filled = filled.min(usize::from(width) * 8);
    "█".repeat(filled / 8) + EIGHTHS[filled % 8]
}

/// The recent past, the newest sample on the right. What is not 0 shows at least as the lowest of bars.
fn sparkline(view: &View, appearance: &Appearance, metric: BuiltIn, area: Rect, buffer: &mut Buffer) {
    const FULL: u64 = 10_000;
    let lowest_bar = FULL.div_ceil(8 * u64::from(area.height.max(1)));
    let bar = |percent: f64| {
        let size = (percent.clamp(0.0, 100.0) / 100.0 * FULL as f64).round() as u64;
        if size == 0 { 0 } else { size.max(lowest_bar) }
    };
    let newest_first = view.history.iter().rev().take(usize::from(area.width));
    let bars: Vec<Option<u64>> = newest_first.map(|stats| stats.value(metric).map(bar)).collect();
    let sparkline = Sparkline::default().data(bars).max(FULL).direction(RenderDirection::RightToLeft);
    sparkline.absent_value_symbol("·").style(appearance.chart()).render(area, buffer);
}

/// How a value is coloured: by the threshold on it, since what is too much is for its owner to say.
fn urgency(view: &View, appearance: &Appearance, metric: BuiltIn) -> Style {
    let name = metric.description().name;
    let state = view.snapshot.thresholds.iter().find(|state| &*state.rule.metric == name);
    match state {
        Some(state) if state.firing => appearance.alarm(),
        Some(state) if state.pending => appearance.warning(),
        Some(_) => appearance.good(),
        None => appearance.chart(),
    }
}

fn modes(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let cpu = &stats.cpu;
    let modes = [
        ("user", cpu.user_percent),
        ("system", cpu.system_percent),
        ("iowait", cpu.iowait_percent),
        ("steal", cpu.steal_percent),
        ("nice", cpu.nice_percent),
        ("irq", cpu.irq_percent),
        ("softirq", cpu.softirq_percent),
        ("guest", cpu.guest_percent),
    ];
    let percent = |value| quantity(value, Unit::Percent).trim_end_matches(" %").to_owned();
    modes.into_iter().map(|(name, value)| (name, percent(value))).collect()
}

fn memory(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let memory = &stats.memory;
    let bytes = |value| whole(value, Unit::Bytes);
    let swap = if memory.swap_total == Some(0) { "none".to_owned() } else { bytes(memory.swap_used) };
    vec![
        ("", format!("{} of {}", bytes(memory.used), bytes(memory.total))),
        ("available", bytes(memory.available)),
        ("cached", bytes(memory.cached)),
        ("swap", swap),
        ("shared", bytes(memory.shmem)),
        ("buffers", bytes(memory.buffers)),
    ]
}

fn load(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let cpu = &stats.cpu;
    let load = [0, 1, 2].map(|span| hundredths(cpu.load_average.map(|load| load[span]))).join(" ");
    let count = |value: Option<u32>| whole(value.map(u64::from), Unit::Plain);
    vec![
        ("", load),
        ("over", "1, 5, 15 min".to_owned()),
        ("cpus", count(cpu.online_count)),
        ("threads", count(cpu.system_thread_count)),
        ("running", count(cpu.running_thread_count)),
    ]
}

fn process(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let cpu = &stats.cpu;
    vec![
        ("threads", whole(cpu.thread_count.map(u64::from), Unit::Plain)),
        ("cores used", hundredths(cpu.process_cores_used)),
    ]
}

fn disk(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let io = &stats.io;
    let direction = |bytes, operations, latency| {
        let operations = quantity(operations, Unit::PerSecond);
        let (bytes, latency) = (quantity(bytes, Unit::BytesPerSecond), quantity(latency, Unit::Seconds));
        format!("{bytes} ({operations}, {latency})")
    };
    vec![
        ("read", direction(io.read_bytes_per_second, io.read_count_per_second, io.read_latency_seconds)),
        ("write", direction(io.write_bytes_per_second, io.write_count_per_second, io.write_latency_seconds)),
    ]
}

/// What is right of so many columns.
fn after(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect { x: area.x + columns, width: area.width - columns, ..area }
}
