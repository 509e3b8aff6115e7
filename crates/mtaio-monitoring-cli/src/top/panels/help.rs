//! What the keys do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use mtaio_monitoring::export::writing::columns::{Align, pad};

use super::Shown;

const KEYS: [(&str, &str); 14] = [
    ("Tab, 1 to 8, click", "choose a panel"),
    ("Enter, z", "the panel alone, and back"),
    ("↑ ↓, PgUp PgDn, wheel", "along its rows"),
    ("/", "only rows with these letters"),
    ("s, < >", "processes by another column"),
    ("r, P, M", "reversed, by cpu, by memory"),
    ("p, Space", "hold this moment, and go on"),
    ("← →, [ ]", "back in time, and forwards"),
    ("{ }", "the same, further"),
    ("+ -", "charts of more time, of less"),
    ("Ctrl-L", "draw everything anew"),
    ("Ctrl-Z", "to the shell; fg comes back"),
    ("Esc", "one step back; at last the end"),
    ("q, Ctrl-C", "end"),
];

pub(in crate::top) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let (width, height) = (58.min(area.width), (KEYS.len() as u16 + 2).min(area.height));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buffer);
    let line = |(keys, does): &(&'static str, &'static str)| {
        Line::from(vec![
            Span::styled(format!(" {} ", pad(keys, 22, Align::Left)), shown.appearance.title()),
            Span::raw(*does),
        ])
    };
    let lines: Vec<Line<'static>> = KEYS.iter().map(line).collect();
    let frame = Block::bordered().title(" keys ").border_style(shown.appearance.quiet());
    Paragraph::new(lines).block(frame).render(place, buffer);
}
