//! The recent past as dots: a chart that is as fine as characters allow.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::record::Band;

/// Dots of a braille character, a row after the other from the top, as bits of its code.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// With what a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pen {
    /// Eight dots a cell.
    Braille,
    /// One mark a cell.
    Ascii,
}

impl Pen {
    /// Parts of time that a chart of so many columns can show.
    pub(super) fn parts(self, columns: u16) -> usize {
        match self {
            Self::Braille => usize::from(columns) * 2,
            Self::Ascii => usize::from(columns),
        }
    }

    /// Draws bands on an area: up to their smallest value all dots, from there to their largest every other one. What was
    /// measured shows at least as the lowest line, so that blank means that nothing was.
    pub(super) fn draw(self, bands: &[Band], most: f64, style: Style, area: Rect, buffer: &mut Buffer) {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let (wide, high) = match self {
            Self::Braille => (2, 4),
            Self::Ascii => (1, 1),
        };
        let dots = usize::from(area.height) * high;
        // A cast of a float saturates, and takes what is not a number for 0.
        let level = |value: f64| ((value / most * dots as f64).round() as usize).min(dots);
        let levels: Vec<Option<(usize, usize)>> =
            bands.iter().map(|band| band.map(|(low, high)| (level(low).max(1), level(high).max(1)))).collect();
        let is_set = |part: usize, dot: usize| match levels.get(part) {
            Some(Some((low, high))) => dot < *low || (dot < *high && (dot + part).is_multiple_of(2)),
            _ => false,
        };
        for row in 0..area.height {
            // From the bottom.
            let base = usize::from(area.height - 1 - row) * high;
            for column in 0..area.width {
                let first = usize::from(column) * wide;
                let symbol = match self {
                    Self::Braille => braille(|x, y| is_set(first + x, base + 3 - y)),
                    Self::Ascii => ascii(levels.get(first).copied().flatten(), base),
                };
                if let Some(cell) = buffer.cell_mut((area.x + column, area.y + row))
                    && symbol != ' '
                {
                    cell.set_char(symbol).set_style(style);
                }
            }
        }
    }
}

fn braille(is_set: impl Fn(usize, usize) -> bool) -> char {
    let mut bits = 0;
    for (y, row) in DOTS.iter().enumerate() {
        for (x, bit) in row.iter().enumerate() {
            if is_set(x, y) {
                bits |= bit;
            }
        }
    }
    if bits == 0 { ' ' } else { char::from_u32(0x2800 + bits).unwrap_or(' ') }
}

fn ascii(levels: Option<(usize, usize)>, height: usize) -> char {
    match levels {
        Some((low, _)) if height < low => '#',
        Some((_, high)) if height < high => ':',
        _ => ' ',
    }
}

/// A round number that is not below any of these: 1, 2 or 5 with noughts.
pub(super) fn most(bands: &[Band]) -> f64 {
    let largest = bands.iter().flatten().map(|(_, high)| *high).fold(0.0, f64::max);
    if !(largest.is_finite() && largest > 0.0) {
        return 1.0;
    }
    let step = 10_f64.powf(largest.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * step).find(|most| *most >= largest).unwrap_or(largest)
}

#[cfg(test)]
mod tests {
    use super::{Band, Pen, most};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn drawn(pen: Pen, bands: &[Band], (width, height): (u16, u16)) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        pen.draw(bands, 8.0, Style::new(), area, &mut buffer);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        (0..height).map(row).collect()
    }

    #[test]
    fn bands_are_lighter_gaps_are_blank_and_nothing_is_a_line() {
        let bands = [Some((8.0, 8.0)), Some((4.0, 8.0)), None, Some((0.0, 0.0)), Some((4.0, 4.0)), None];
        assert_eq!(drawn(Pen::Braille, &bands, (3, 2)), ["⡗  ".replace('⡗', "⡯"), "⣿⢀⡇".to_owned()]);
        assert_eq!(drawn(Pen::Ascii, &bands, (6, 2)), ["#:    ", "## ## "]);
        // Neither what is not a number nor what is beyond the scale does harm.
        let wild = [Some((f64::NAN, f64::INFINITY)), Some((-1e300, 1e300))];
        assert_eq!(drawn(Pen::Ascii, &wild, (2, 2)), ["::", "##"]);
    }

    #[test]
    fn scales_are_round() {
        let of = |high| most(&[None, Some((0.0, high))]);
        assert_eq!([0.0, 1.0, 1.1, 4.9, 51.0, 0.3, 1e300].map(of), [1.0, 1.0, 2.0, 5.0, 100.0, 0.5, 1e300]);
        assert_eq!(most(&[Some((0.0, f64::NAN))]), 1.0);
    }
}
