//! The processors: all of them over time, each of them now.

use mtaio_monitoring::export::writing::columns::{Align, pad};
use mtaio_monitoring::export::writing::quantity::{Unit, hundredths, quantity, whole};
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::rates::CoreStats;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::screen::machine::{gauge, modes};

use super::super::record::Course;
use super::{Fact, Shown};

/// Columns of one processor's number, bar and share.
const CORE: u16 = 19;

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let cpu = &shown.stats.cpu;
    let load = cpu
        .load_average
        .map_or_else(|| hundredths(None), |load| load.map(|load| hundredths(Some(load))).join(" "));
    vec![
        ("", quantity(cpu.usage_percent, Unit::Percent)),
        ("load", load),
        ("cores", whole(cpu.online_count.map(u64::from), Unit::Plain)),
        ("threads", whole(cpu.system_thread_count.map(u64::from), Unit::Plain)),
        ("running", whole(cpu.running_thread_count.map(u64::from), Unit::Plain)),
    ]
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let cores = shown.lists().and_then(|lists| lists.details.cores.as_deref()).unwrap_or_default();
    let lines = core_lines(cores.len(), area);
    let chart = area.height.saturating_sub(lines + 1);
    let style = shown.urgency(BuiltIn::CpuUsage);
    shown.chart(Course::Processors, style, Rect { height: chart, ..area }, buffer);
    let below = Rect { y: area.y + chart, height: area.height - chart, ..area };
    shown.facts(modes(shown.stats), below.width).render(Rect { height: 1.min(below.height), ..below }, buffer);
    let below = Rect { y: below.y + 1, height: below.height.saturating_sub(1), ..below };
    if usize::from(per_line(area)) * usize::from(below.height) >= cores.len() {
        bars(shown, cores, below, buffer);
    } else {
        blocks(shown, cores, below, buffer);
    }
}

fn per_line(area: Rect) -> u16 {
    (area.width / CORE).max(1)
}

/// Lines for all processors: half of the area at most, or one where they do not fit.
fn core_lines(count: usize, area: Rect) -> u16 {
    let most = area.height / 2;
    let lines = count.div_ceil(usize::from(per_line(area)));
    if lines <= usize::from(most) {
        lines as u16
    } else {
        // A mark each.
        count.div_ceil(usize::from(area.width.max(1))).min(usize::from(most)) as u16
    }
}

/// ` 3 ███▍     42.0`
fn bars(shown: &Shown<'_>, cores: &[CoreStats], area: Rect, buffer: &mut Buffer) {
    let per_line = per_line(area);
    let width = area.width / per_line;
    for (at, core) in cores.iter().enumerate() {
        let (row, column) = (at as u16 / per_line, at as u16 % per_line);
        if row >= area.height {
            return;
        }
        let bar = usize::from(width.saturating_sub(11));
        let filled = pad(&gauge(core.usage_percent.unwrap_or(0.0), bar as u16), bar, Align::Left);
        let line = Line::from(vec![
            Span::styled(pad(&core.number.to_string(), 3, Align::Right), shown.appearance.quiet()),
            Span::raw(" "),
            Span::styled(filled, shown.appearance.chart()),
            Span::raw(pad(&super::share(core.usage_percent), 6, Align::Right)),
        ]);
        let place = Rect { x: area.x + column * width, y: area.y + row, width, height: 1 };
        line.render(place, buffer);
    }
}

/// `▂▁▁█▃`, where there are too many for more.
fn blocks(shown: &Shown<'_>, cores: &[CoreStats], area: Rect, buffer: &mut Buffer) {
    const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let block = |core: &CoreStats| match core.usage_percent {
        Some(percent) => BLOCKS[((percent / 100.0 * 8.0) as usize).min(7)],
        None => " ",
    };
    for (cores, row) in cores.chunks(usize::from(area.width.max(1))).zip(area.rows()) {
        let text: String = cores.iter().map(block).collect();
        Span::styled(text, shown.appearance.chart()).render(row, buffer);
    }
}
