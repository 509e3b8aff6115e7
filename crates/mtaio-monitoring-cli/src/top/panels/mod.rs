//! The panels, a file each: a line that says what it is and the most important of it, and below it as much of the rest
//! as there is room for.

mod alerts;
mod disks;
pub(super) mod head;
pub(super) mod help;
mod memory;
mod network;
pub(super) mod pressure;
mod processes;
mod processors;
mod recorded;
mod table;

use std::sync::LazyLock;

use mtaio_monitoring::export::writing::quantity::{Unit, quantity};
use mtaio_monitoring::rates::SystemStats;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::appearance::Appearance;
use crate::screen::rows::facts;

use super::chart::{Pen, most};
use super::record::{Band, Course};
use super::{Lists, Panel, Top};

/// A name and what is said of it.
type Fact = (&'static str, String);

/// The moment that is shown, and how.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) top: &'a Top,
    pub(super) appearance: &'a Appearance,
    pub(super) pen: Pen,
    /// The figures of the moment; where they are not kept any more, none of them is measured.
    pub(super) stats: &'a SystemStats,
}

impl<'a> Shown<'a> {
    pub(super) fn new(top: &'a Top, appearance: &'a Appearance, pen: Pen) -> Self {
        static NOTHING: LazyLock<SystemStats> = LazyLock::new(SystemStats::default);
        let stats = top.record.at(top.state.held).and_then(|sample| sample.stats.as_deref());
        Self { top, appearance, pen, stats: stats.unwrap_or(&NOTHING) }
    }

    /// The lists of the moment, but for the processes.
    fn lists(&self) -> Option<&'a Lists> {
        self.top.record.lists_at(self.top.state.held).0
    }

    /// What has led to the moment, in as many parts as a chart of so many columns has.
    fn bands(&self, course: Course, columns: u16) -> Vec<Band> {
        let state = &self.top.state;
        let parts = self.pen.parts(columns);
        let end = state.held.or_else(|| self.top.newest());
        end.map_or(Vec::new(), |end| self.top.record.bands(course, end, state.span_seconds(), parts))
    }

    /// A chart of shares, from 0 to 100 %.
    fn chart(&self, course: Course, style: Style, area: Rect, buffer: &mut Buffer) {
        self.pen.draw(&self.bands(course, area.width), 100.0, style, area, buffer);
    }

    /// As many facts as a line holds.
    fn facts(&self, facts_of: Vec<Fact>, width: u16) -> Line<'static> {
        Line::from(facts(facts_of, usize::from(width), self.appearance.quiet()))
    }

    fn is_focused(&self, panel: Panel) -> bool {
        self.top.state.focus == panel
    }
}

/// Draws a panel on its place.
pub(super) fn render(panel: Panel, shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let facts = match panel {
        Panel::Processors => processors::title(shown),
        Panel::Memory => memory::title(shown),
        Panel::Disks => disks::title(shown),
        Panel::Network => network::title(shown),
        Panel::Pressure => pressure::title(shown),
        Panel::Processes => processes::title(shown),
        Panel::Recorded => recorded::title(shown),
        Panel::Alerts => alerts::title(shown),
    };
    title(panel, facts, shown, area, buffer);
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if area.is_empty() {
        return;
    }
    match panel {
        Panel::Processors => processors::render(shown, area, buffer),
        Panel::Memory => memory::render(shown, area, buffer),
        Panel::Disks => disks::render(shown, area, buffer),
        Panel::Network => network::render(shown, area, buffer),
        Panel::Pressure => pressure::render(shown, area, buffer),
        Panel::Processes => processes::render(shown, area, buffer),
        Panel::Recorded => recorded::render(shown, area, buffer),
        Panel::Alerts => alerts::render(shown, area, buffer),
    }
}

impl Top {
    /// Rows that a panel's list has, whether there is room for them or not.
    pub(super) fn rows(&self, panel: Panel) -> usize {
        match panel {
            Panel::Disks if self.state.zoomed => disks::rows(self),
            Panel::Network if self.state.zoomed => network::rows(self),
            Panel::Processes => processes::rows(self),
            Panel::Recorded => recorded::rows(self),
            Panel::Alerts => alerts::rows(self),
            _ => 0,
        }
    }
}

/// `─1 cpu  32.1 %  load 1.42 0.96 0.50 ────────`
fn title(panel: Panel, facts: Vec<Fact>, shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let quiet = shown.appearance.quiet();
    Span::styled("─".repeat(usize::from(area.width)), quiet).render(Rect { height: 1, ..area }, buffer);
    let number = panel as usize + 1;
    // The focus is told by more than a colour.
    let (mark, style) = if shown.is_focused(panel) {
        ("▸", shown.appearance.title().add_modifier(Modifier::REVERSED))
    } else {
        ("─", shown.appearance.title())
    };
    let mut line = Line::from(vec![
        Span::styled(mark, quiet),
        Span::styled(format!("{number} "), quiet),
        Span::styled(panel.title(), style),
        Span::raw(" "),
    ]);
    let room = usize::from(area.width).saturating_sub(line.width() + 1);
    let words = super::panels::facts(facts, room, quiet);
    if !words.is_empty() {
        line.spans.extend(words);
        line.spans.push(Span::raw(" "));
    }
    line.render(Rect { height: 1, ..area }, buffer);
}

/// Two directions of the same: what goes each way, and below it how that was.
fn directions(shown: &Shown<'_>, lines: [(Vec<Fact>, Course); 2], area: Rect, buffer: &mut Buffer) {
    // Where there is no room for charts, what is said goes first.
    let upper = area.height.div_ceil(2);
    let halves = [Rect { height: upper, ..area }, Rect { y: area.y + upper, height: area.height - upper, ..area }];
    for ((mut facts, course), half) in lines.into_iter().zip(halves) {
        let below = Rect { y: half.y + 1, height: half.height.saturating_sub(1), ..half };
        if !below.is_empty() {
            let bands = shown.bands(course, below.width);
            let scale = most(&bands);
            shown.pen.draw(&bands, scale, shown.appearance.chart(), below, buffer);
            // What the height of the chart is.
            if bands.iter().flatten().any(|(_, high)| *high > 0.0) {
                facts.push(("scale", quantity(Some(scale), Unit::BytesPerSecond)));
            }
        }
        shown.facts(facts, half.width).render(Rect { height: 1.min(half.height), ..half }, buffer);
    }
}

/// `12.3`: a share in a column whose heading says the unit.
fn share(value: Option<f64>) -> String {
    quantity(value, Unit::Percent).trim_end_matches(" %").to_owned()
}
