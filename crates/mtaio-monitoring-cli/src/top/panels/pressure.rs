//! Pressure: the share of the time in which a task waited for processors, memory or disks.

use mtaio_monitoring::export::writing::columns::{Align, pad};
use mtaio_monitoring::export::writing::quantity::{Unit, quantity};
use mtaio_monitoring::rates::{PressureStats, SystemStats};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::super::record::Course;
use super::{Fact, Shown};

/// Columns of a name and a share.
const SAID: u16 = 15;

/// That of the own group where it has some, else that of the machine; and which it is.
pub(in crate::top) fn of_whom(stats: &SystemStats) -> (&PressureStats, &'static str) {
    let own = &stats.container_pressure;
    if own.memory.some_percent.is_some() || own.cpu.some_percent.is_some() {
        (own, "of the container")
    } else {
        (&stats.pressure, "of the machine")
    }
}

pub(in crate::top) fn is_measured(stats: &SystemStats) -> bool {
    let pressure = of_whom(stats).0;
    [&pressure.cpu, &pressure.memory, &pressure.io].iter().any(|kind| kind.some_percent.is_some())
}

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    vec![("", of_whom(shown.stats).1.to_owned())]
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let pressure = of_whom(shown.stats).0;
    let kinds = [
        ("cpu", pressure.cpu.some_percent, Course::PressureProcessors),
        ("memory", pressure.memory.some_percent, Course::PressureMemory),
        ("io", pressure.io.some_percent, Course::PressureIo),
    ];
    let each = (area.height / kinds.len() as u16).max(1);
    for (at, (name, percent, course)) in kinds.into_iter().enumerate() {
        let y = area.y + at as u16 * each;
        let place = Rect { y, height: each, ..area }.intersection(area);
        if place.is_empty() {
            return;
        }
        let line = Line::from(vec![
            Span::styled(pad(name, 7, Align::Left), shown.appearance.quiet()),
            Span::raw(pad(&quantity(percent, Unit::Percent), 7, Align::Right)),
        ]);
        line.render(Rect { height: 1, ..place }, buffer);
        let chart = Rect { x: place.x + SAID.min(place.width), width: place.width.saturating_sub(SAID), ..place };
        if !chart.is_empty() {
            shown.chart(course, shown.appearance.chart(), chart, buffer);
        }
    }
}
