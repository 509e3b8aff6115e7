//! The panels, and where they stand on a screen of some size.

use ratatui::layout::Rect;

/// A screen below this has no room for the panels.
pub(super) const SMALLEST: (u16, u16) = (60, 18);

/// A part of the screen with a subject of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what it is called")]
pub enum Panel {
    Processors,
    Memory,
    Disks,
    Network,
    Pressure,
    Processes,
    Recorded,
    Alerts,
}

impl Panel {
    /// All of them, in the order in which they are numbered and Tab goes through them.
    pub const ALL: [Self; 8] = [
        Self::Processors,
        Self::Memory,
        Self::Disks,
        Self::Network,
        Self::Pressure,
        Self::Processes,
        Self::Recorded,
        Self::Alerts,
    ];

    /// What stands above it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Processors => "cpu",
            Self::Memory => "memory",
            Self::Disks => "disks",
            Self::Network => "network",
            Self::Pressure => "pressure",
            Self::Processes => "processes",
            Self::Recorded => "metrics",
            Self::Alerts => "alerts",
        }
    }
}

/// Where each of these panels stands in `body`: at the top processors and memory, in the middle what is waited for,
/// below what is listed. Where `zoomed`, that one alone.
pub(super) fn layout(body: Rect, panels: &[Panel], zoomed: Option<Panel>) -> Vec<(Panel, Rect)> {
    if let Some(panel) = zoomed {
        return vec![(panel, body)];
    }
    let there = |wanted: &[Panel]| -> Vec<Panel> {
        wanted.iter().copied().filter(|panel| panels.contains(panel)).collect()
    };
    let top = there(&[Panel::Processors, Panel::Memory]);
    let middle = there(&[Panel::Disks, Panel::Network, Panel::Pressure]);
    let left = there(&[Panel::Processes]);
    let right = there(&[Panel::Recorded, Panel::Alerts]);

    let height = body.height;
    let (mut upper, mut between) = ((height * 3 / 10).clamp(6, 14), (height * 22 / 100).clamp(5, 9));
    if left.is_empty() && right.is_empty() {
        upper = (height / 2).max(6);
        between = height.saturating_sub(upper);
    }
    let [upper, rest] = cut_rows(body, upper);
    let [between, lower] = cut_rows(rest, between);
    let mut places = columns(upper, &top);
    places.extend(columns(between, &middle));
    let (beside, listed) = match (left.is_empty(), right.is_empty()) {
        (_, true) => (lower, Rect { width: 0, ..lower }),
        (true, false) => (Rect { width: 0, ..lower }, lower),
        (false, false) => {
            let width = lower.width / 2;
            let x = lower.x + width + 1;
            (Rect { width, ..lower }, Rect { x, width: lower.width - width - 1, ..lower })
        }
    };
    places.extend(columns(beside, &left));
    let each = listed.height / (right.len().max(1) as u16);
    let mut below = listed;
    for (at, panel) in right.iter().enumerate() {
        let [area, rest] = if at + 1 == right.len() { [below, below] } else { cut_rows(below, each) };
        places.push((*panel, area));
        below = rest;
    }
    places
}

fn cut_rows(area: Rect, rows: u16) -> [Rect; 2] {
    let rows = rows.min(area.height);
    let rest = Rect { y: area.y + rows, height: area.height - rows, ..area };
    [Rect { height: rows, ..area }, rest]
}

/// Side by side, a blank column between two.
fn columns(area: Rect, panels: &[Panel]) -> Vec<(Panel, Rect)> {
    let count = panels.len() as u16;
    let edge = |at: u16| area.x + ((u32::from(area.width) + 1) * u32::from(at) / u32::from(count.max(1))) as u16;
    let place = |(at, panel): (usize, &Panel)| {
        let (left, right) = (edge(at as u16), edge(at as u16 + 1));
        (*panel, Rect { x: left, width: (right - left).saturating_sub(1), ..area })
    };
    panels.iter().enumerate().map(place).collect()
}
