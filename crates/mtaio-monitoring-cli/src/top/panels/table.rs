//! Rows below the names of their columns, from a place on that the user has scrolled to.

use mtaio_monitoring::export::writing::columns::{Align, pad, widths};
use mtaio_monitoring::export::writing::printable::fit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::Shown;
use crate::top::Panel;

/// What is listed. The first column is a name, which takes what the others leave; numbers stand on the right.
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    /// Each with how it looks.
    pub(super) rows: Vec<(Vec<String>, Style)>,
    /// Columns a name takes at least: before it has less, the last columns go.
    pub(super) name_columns: usize,
}

impl Table {
    pub(super) fn render(self, panel: Panel, shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
        let width = usize::from(area.width);
        let cells: Vec<Vec<String>> =
            std::iter::once(self.columns).chain(self.rows.iter().map(|(cells, _)| cells.clone())).collect();
        let widths = widths(&cells);
        let mut kept = widths.len();
        let needs = |kept: usize| widths[1..kept].iter().map(|width| width + 2).sum::<usize>();
        while kept > 1 && needs(kept) + self.name_columns > width {
            kept -= 1;
        }
        let name_width = width.saturating_sub(needs(kept));
        let line = |cells: &[String]| {
            let mut text = pad(&fit(&cells[0], name_width), name_width, Align::Left);
            for (cell, width) in cells.iter().zip(&widths).take(kept).skip(1) {
                text += &format!("  {}", pad(cell, *width, Align::Right));
            }
            text
        };
        let heading = Style::new().add_modifier(Modifier::UNDERLINED).patch(shown.appearance.quiet());
        Span::styled(line(&cells[0]), heading).render(Rect { height: 1, ..area }, buffer);
        let lines = cells[1..].iter().zip(&self.rows).map(|(cells, (_, style))| Line::styled(line(cells), *style));
        rows(lines, panel, shown, Rect { y: area.y + 1, height: area.height - 1, ..area }, buffer);
    }
}

/// As many lines as there is room for, from where the user has scrolled to.
pub(super) fn rows<'a>(
    lines: impl ExactSizeIterator<Item = Line<'a>>,
    panel: Panel,
    shown: &Shown<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let count = lines.len();
    // What was scrolled to may be gone by now, and a last row stays.
    let first = shown.top.state.first_rows[panel as usize].min(count.saturating_sub(1));
    for (line, row) in lines.skip(first).zip(area.rows()) {
        line.render(row, buffer);
    }
    if count == 0 && area.height > 0 {
        let text = match panel {
            Panel::Processors | Panel::Disks | Panel::Network | Panel::Processes if shown.top.remote.is_some() => {
                "not told from there"
            }
            _ if shown.top.state.filter.is_empty() => "nothing",
            _ => "nothing with this in it",
        };
        Span::styled(text, shown.appearance.quiet()).render(Rect { height: 1, ..area }, buffer);
    }
}
