//! The screen: one moment and what led to it, on any area from one cell up.
//!
//! From top to bottom: what is watched and for how long, the machine and the process, the recent past as a chart
//! where there is room, what was recorded, thresholds, alerts. Each part takes its lines from what the parts above
//! have left, so that a small screen loses its lower parts first and nothing is ever drawn outside of the area.

pub(crate) mod application;
pub(crate) mod machine;
pub(crate) mod rows;
mod troubles;

use mtaio_monitoring::monitor::HealthReport;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::appearance::Appearance;
use crate::moment::length;
use crate::tally::counted;
use crate::view::View;
use mtaio_monitoring::export::writing::printable::fit;
use mtaio_monitoring::export::writing::quantity::number;

use rows::{Rows, ends, share};

pub(crate) use troubles::troubles;

/// Lines that the chart needs to say anything.
const CHART_LINES: u16 = 4;
/// Lines that the chart takes on any screen that has them to spare; on a tall one it takes a third.
const CHART_LINES_USUAL: u16 = 10;

/// The screen as a ratatui widget. Draws the whole area, of any size.
///
/// ```
/// use mtaio_monitoring::monitor::{Config, MonitorCore};
/// use mtaio_monitoring_cli::{Appearance, Screen, View};
/// use ratatui::{buffer::Buffer, layout::Rect, widgets::Widget};
///
/// let monitor = MonitorCore::new(Config::default());
/// let view = View::of(&monitor, "my service");
/// let area = Rect::new(0, 0, 80, 24);
/// let mut buffer = Buffer::empty(area);
/// Screen::new(&view, 72.0, &Appearance::plain()).render(area, &mut buffer);
/// assert_eq!(buffer[(1, 0)].symbol(), "m");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Screen<'a> {
    view: &'a View,
    running_seconds: f64,
    appearance: &'a Appearance,
}

impl<'a> Screen<'a> {
    /// The screen of this view. `running_seconds` is how long the view has been shown.
    #[must_use]
    pub fn new(view: &'a View, running_seconds: f64, appearance: &'a Appearance) -> Self {
        Self { view, running_seconds, appearance }
    }

    fn head(&self, width: usize) -> Line<'static> {
        let snapshot = &self.view.snapshot;
        let health: &HealthReport = &snapshot.health;
        let mut facts = format!(
            "up {} · every {} s · {}",
            length(self.running_seconds),
            number(snapshot.interval_seconds),
            counted(health.samples, "sample"),
        );
        if !health.running {
            facts += " · not running";
        }
        let missed = format!(" · {} missed", health.missed_ticks);
        let used = facts.chars().count() + missed.chars().count();
        let title = fit(&self.view.title, width.saturating_sub(used + 3).max(8));
        let style = if health.missed_ticks > 0 { self.appearance.warning() } else { self.appearance.quiet() };
        ends(
            vec![Span::styled(format!(" {title}"), self.appearance.title())],
            vec![Span::styled(facts, self.appearance.quiet()), Span::styled(missed, style), Span::raw(" ")],
            width,
        )
    }

    fn foot(&self, width: usize) -> Line<'static> {
        const LEFT: &str = " Ctrl-C ends";
        let troubles = troubles(&self.view.snapshot.health).join(" · ");
        let troubles = fit(&troubles, width.saturating_sub(LEFT.len() + 3));
        ends(
            vec![Span::styled(LEFT, self.appearance.quiet())],
            vec![Span::styled(troubles, self.appearance.warning()), Span::raw(" ")],
            width,
        )
    }
}

impl Widget for Screen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let width = usize::from(area.width);
        let mut rows = Rows::new(area);
        rows.line(buffer, self.head(width));
        if area.height > 2 {
            rows.last_line(buffer, self.foot(width));
        }
        if area.height >= 20 {
            rows.skip(1);
        }
        machine::render(self.view, self.appearance, &mut rows, buffer);

        let sections = application::sections(self.view, self.appearance, width);
        let wants: Vec<u16> = sections.iter().map(application::Section::lines).collect();
        let wanted: u16 = wants.iter().fold(0, |sum, lines| sum.saturating_add(*lines));
        let spare = rows.left().saturating_sub(wanted);
        let most = CHART_LINES_USUAL.max(area.height / 3);
        if spare >= CHART_LINES {
            machine::render_chart(self.view, self.appearance, rows.take(spare.min(most)), buffer);
        }
        let lines = share(rows.left(), &wants);
        for (section, lines) in sections.into_iter().zip(lines) {
            section.render(lines, &mut rows, buffer);
        }
    }
}
