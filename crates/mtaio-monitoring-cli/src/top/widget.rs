//! All of it as one widget.

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use crate::appearance::Appearance;

use super::Top;
use super::chart::Pen;
use super::layout::SMALLEST;
use super::panels::{self, Shown, head, help};

/// The screen of [`Top`] as a ratatui widget, on the columns and rows that it was told of.
#[derive(Clone, Copy, Debug)]
pub struct TopScreen<'a> {
    top: &'a Top,
    appearance: &'a Appearance,
    ascii: bool,
}

impl<'a> TopScreen<'a> {
    /// The screen; with `ascii` in nothing but ASCII.
    #[must_use]
    pub fn new(top: &'a Top, appearance: &'a Appearance, ascii: bool) -> Self {
        Self { top, appearance, ascii }
    }
}

impl Widget for TopScreen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (width, height) = self.top.size;
        let area = area.intersection(buffer.area).intersection(Rect { width, height, ..area });
        if area.is_empty() {
            return;
        }
        Clear.render(area, buffer);
        if width < SMALLEST.0 || height < SMALLEST.1 {
            let (columns, rows) = SMALLEST;
            let text = format!("mtaio top needs {columns} columns and {rows} rows; here are {width} and {height}");
            Paragraph::new(text).wrap(Wrap { trim: true }).render(area, buffer);
        } else {
            let pen = if self.ascii { Pen::Ascii } else { Pen::Braille };
            let shown = Shown::new(self.top, self.appearance, pen);
            head::render(&shown, Rect { height: head::lines(self.top), ..area }, buffer);
            for (panel, place) in self.top.places() {
                panels::render(panel, &shown, place.intersection(area), buffer);
            }
            head::render_foot(&shown, Rect { y: area.y + area.height - 1, height: 1, ..area }, buffer);
            if self.top.state.help {
                help::render(&shown, area, buffer);
            }
        }
        if self.ascii {
            to_ascii(area, buffer);
        }
    }
}

impl Shown<'_> {
    /// How a value is coloured: by the threshold on it, since what is too much is for its owner to say.
    pub(super) fn urgency(&self, metric: BuiltIn) -> Style {
        let name = metric.description().name;
        let state = self.top.view.snapshot.thresholds.iter().find(|state| &*state.rule.metric == name);
        match state {
            Some(state) if state.firing => self.appearance.alarm(),
            Some(state) if state.pending => self.appearance.warning(),
            Some(_) => self.appearance.good(),
            None => self.appearance.chart(),
        }
    }
}

/// Every cell in ASCII. Foreign text loses what it cannot keep.
fn to_ascii(area: Rect, buffer: &mut Buffer) {
    for place in area.positions() {
        let Some(cell) = buffer.cell_mut(place) else { continue };
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let ascii = match symbol {
            "─" | "–" | "▏" | "▁" | "▂" | "▃" => "-",
            "│" => "|",
            "┌" | "┐" | "└" | "┘" => "+",
            "▸" | "→" => ">",
            "←" => "<",
            "▾" | "↓" => "v",
            "▴" | "↑" => "^",
            "·" => ".",
            "…" => "~",
            "µ" => "u",
            "█" | "▉" | "▊" | "▋" | "▆" | "▇" => "#",
            "▌" | "▍" | "▎" | "▄" | "▅" => "=",
            // What takes two cells goes on taking two.
            other => {
                if other.width() > 1 {
                    "??"
                } else {
                    "?"
                }
            }
        };
        cell.set_symbol(ascii);
    }
}
