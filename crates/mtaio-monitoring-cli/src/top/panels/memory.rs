//! Memory and swap.

use mtaio_monitoring::export::writing::quantity::{Unit, quantity, whole};
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::super::record::Course;
use super::{Fact, Shown};

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let memory = &shown.stats.memory;
    let bytes = |value| whole(value, Unit::Bytes);
    vec![
        ("", quantity(memory.percent, Unit::Percent)),
        ("", format!("{} of {}", bytes(memory.used), bytes(memory.total))),
    ]
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let memory = &shown.stats.memory;
    let host = &shown.stats.host;
    let bytes = |value| whole(value, Unit::Bytes);
    let rate = |value| quantity(value, Unit::BytesPerSecond);
    let swap = match memory.swap_total {
        Some(0) => vec![("swap", "none".to_owned())],
        total => vec![
            ("swap", format!("{} of {}", bytes(memory.swap_used), bytes(total))),
            ("in", rate(host.swap_in_bytes_per_second)),
            ("out", rate(host.swap_out_bytes_per_second)),
        ],
    };
    let kinds = vec![
        ("available", bytes(memory.available)),
        ("cached", bytes(memory.cached)),
        ("shared", bytes(memory.shmem)),
        ("buffers", bytes(memory.buffers)),
        ("free", bytes(memory.free)),
    ];
    let said = [kinds, swap];
    let chart = area.height.saturating_sub(said.len() as u16);
    let style = shown.urgency(BuiltIn::MemoryUsage);
    shown.chart(Course::Memory, style, Rect { height: chart, ..area }, buffer);
    let below = Rect { y: area.y + chart, height: area.height - chart, ..area };
    for (facts, row) in said.into_iter().zip(below.rows()) {
        shown.facts(facts, area.width).render(row, buffer);
    }
}
