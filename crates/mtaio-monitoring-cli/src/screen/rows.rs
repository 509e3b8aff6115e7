//! Dealing out the lines of a screen from its top down.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

/// The lines that nobody has taken yet. Taking more than there are gives fewer, down to none.
#[derive(Debug)]
pub(super) struct Rows {
    rest: Rect,
}

impl Rows {
    pub(super) fn new(area: Rect) -> Self {
        Self { rest: area }
    }

    /// Lines left.
    pub(super) fn left(&self) -> u16 {
        self.rest.height
    }

    /// Columns of each line.
    pub(super) fn width(&self) -> u16 {
        self.rest.width
    }

    /// Takes lines from the top.
    pub(super) fn take(&mut self, lines: u16) -> Rect {
        let taken = Rect { height: lines.min(self.rest.height), ..self.rest };
        self.rest = Rect { y: self.rest.y + taken.height, height: self.rest.height - taken.height, ..self.rest };
        taken
    }

    /// Leaves lines blank.
    pub(super) fn skip(&mut self, lines: u16) {
        self.take(lines);
    }

    /// Takes a line from the top for this text.
    pub(super) fn line(&mut self, buffer: &mut Buffer, line: Line<'_>) {
        line.render(self.take(1), buffer);
    }

    /// Takes the lowest line for this text.
    pub(super) fn last_line(&mut self, buffer: &mut Buffer, line: Line<'_>) {
        if self.rest.height > 0 {
            let y = self.rest.y + self.rest.height - 1;
            line.render(Rect { y, height: 1, ..self.rest }, buffer);
            self.rest.height -= 1;
        }
    }
}

/// One text at the left end of a line and one at the right; the right one goes where both do not fit.
pub(crate) fn ends(left: Vec<Span<'static>>, right: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let columns = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let used = columns(&left) + columns(&right);
    let mut spans = left;
    if used < width {
        spans.push(Span::raw(" ".repeat(width - used)));
        spans.extend(right);
    }
    Line::from(spans)
}

/// `name value` pairs, two blanks apart, as many as fit the width; what comes first matters most.
pub(crate) fn facts(pairs: Vec<(&'static str, String)>, width: usize, quiet: Style) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut used = 0;
    for (name, value) in pairs {
        let gap = if used == 0 { 0 } else { 2 };
        let label = if name.is_empty() { String::new() } else { format!("{name} ") };
        let columns = Span::raw(&label).width() + Span::raw(&value).width();
        if used + gap + columns > width {
            break;
        }
        used += gap + columns;
        spans.extend([Span::raw(" ".repeat(gap)), Span::styled(label, quiet), Span::raw(value)]);
    }
    spans
}

/// Shares lines among parts that want so many each: first each its first two (a heading and what stands below it),
/// in order, then the rest in turns, so that one long part does not starve the others.
pub(super) fn share(lines: u16, wants: &[u16]) -> Vec<u16> {
    let mut left = lines;
    let mut shares = vec![0; wants.len()];
    for (share, want) in shares.iter_mut().zip(wants) {
        let first = (*want).min(2);
        if first <= left {
            *share = first;
            left -= first;
        }
    }
    let mut gave = true;
    while left > 0 && gave {
        gave = false;
        for (share, want) in shares.iter_mut().zip(wants) {
            if left > 0 && *share > 0 && *share < *want {
                *share += 1;
                left -= 1;
                gave = true;
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn lines_are_shared_in_turns() {
        assert_eq!(share(10, &[5, 3, 2]), [5, 3, 2]);
        assert_eq!(share(20, &[5, 3, 2]), [5, 3, 2]);
        assert_eq!(share(8, &[50, 3, 2]), [3, 3, 2]);
        assert_eq!(share(9, &[50, 3, 2]), [4, 3, 2]);
        assert_eq!(share(3, &[5, 5, 5]), [3, 0, 0]);
        assert_eq!(share(1, &[5, 5]), [0, 0]);
        assert_eq!(share(0, &[]), [0; 0]);
    }
}
