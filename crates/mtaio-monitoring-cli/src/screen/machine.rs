//! The machine, the container and the process: processors, memory, load, disks, network, pressure.

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

/// A screen with fewer lines left has other uses for them than what is seldom looked at first.
const LINES_FOR_ALL: u16 = 30;

/// Eight lines: processors and memory with a gauge and the recent past, and what stands behind their numbers. Where
/// there is room, three more: what was waited for (pressure), the limits of the container, the workers, as far as they
/// are measured.
pub(super) fn render(view: &View, appearance: &Appearance, rows: &mut Rows, buffer: &mut Buffer) {
    let stats = view.snapshot.stats.clone().unwrap_or_default();
    let room = rows.left();
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
    rows.line(buffer, named("network", network(&stats)));
    if room >= LINES_FOR_ALL {
        for (name, facts) in
            [("waiting", pressure(&stats)), ("limits", limits(&stats)), ("workers", workers(&stats))]
        {
            if !facts.is_empty() {
                rows.line(buffer, named(name, facts));
            }
        }
    }
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
pub(crate) fn gauge(percent: f64, width: u16) -> String {
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

pub(crate) fn modes(stats: &SystemStats) -> Vec<(&'static str, String)> {
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
        ("resident", whole(stats.process.rss_bytes, Unit::Bytes)),
        ("open files", whole(stats.process.open_descriptors, Unit::Plain)),
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

fn network(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let network = &stats.network;
    let direction = |bytes, packets, drops: Option<f64>| {
        let packets = quantity(packets, Unit::PerSecond);
        let lost = match drops {
            Some(drops) if drops > 0.0 => format!(", {} dropped", quantity(Some(drops), Unit::PerSecond)),
            _ => String::new(),
        };
        format!("{} ({packets}{lost})", quantity(bytes, Unit::BytesPerSecond))
    };
    vec![
        (
            "in",
            direction(
                network.receive_bytes_per_second,
                network.receive_packets_per_second,
                network.receive_drops_per_second,
            ),
        ),
        (
            "out",
            direction(
                network.transmit_bytes_per_second,
                network.transmit_packets_per_second,
                network.transmit_drops_per_second,
            ),
        ),
    ]
}

/// Shares of the time in which a task waited: of the own group where it has some, else of the machine.
fn pressure(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let own = &stats.container_pressure;
    let (pressure, of) = if own.memory.some_percent.is_some() || own.cpu.some_percent.is_some() {
        (own, "of the container")
    } else {
        (&stats.pressure, "of the machine")
    };
    let kinds = [("cpu", &pressure.cpu), ("memory", &pressure.memory), ("io", &pressure.io)];
    let mut facts: Vec<_> = kinds
        .into_iter()
        .filter(|(_, kind)| kind.some_percent.is_some())
        .map(|(name, kind)| (name, quantity(kind.some_percent, Unit::Percent)))
        .collect();
    if !facts.is_empty() {
        facts.push(("", of.to_owned()));
    }
    facts
}

/// What the own control group may use, and what it had to do without. Nothing where it has no limit.
pub(crate) fn limits(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let container = &stats.container;
    let mut facts = Vec::new();
    if container.cpu_limit_cores.is_some() && container.cpu_cores_used.is_some() {
        let (used, limit) = (hundredths(container.cpu_cores_used), hundredths(container.cpu_limit_cores));
        facts.push(("cores", format!("{used} of {limit}")));
    }
    if container.cpu_throttled_periods_percent.is_some() {
        facts.push(("throttled", quantity(container.cpu_throttled_periods_percent, Unit::Percent)));
    }
    if container.memory_limit.is_some() {
        let bytes = |value| whole(value, Unit::Bytes);
        let memory = format!("{} of {}", bytes(container.memory_working_set), bytes(container.memory_limit));
        facts.push(("memory", memory));
    }
    if container.oom_kills_total.is_some_and(|kills| kills > 0) {
        facts.push(("killed for want of memory", whole(container.oom_kills_total, Unit::Plain)));
    }
    if container.pids_limit.is_some() {
        let count = |value: Option<u32>| whole(value.map(u64::from), Unit::Plain);
        facts.push(("pids", format!("{} of {}", count(container.pids), count(container.pids_limit))));
    }
    facts
}

/// The process and its descendants, where it has any.
fn workers(stats: &SystemStats) -> Vec<(&'static str, String)> {
    let tree = &stats.tree;
    if tree.processes.is_none_or(|processes| processes < 2) {
        return Vec::new();
    }
    let count = |value: Option<u32>| whole(value.map(u64::from), Unit::Plain);
    vec![
        ("processes", count(tree.processes)),
        ("threads", count(tree.threads)),
        ("cores used", hundredths(tree.cpu_cores_used)),
        ("resident", whole(tree.rss_bytes, Unit::Bytes)),
    ]
}

/// What is right of so many columns.
fn after(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect { x: area.x + columns, width: area.width - columns, ..area }
}
