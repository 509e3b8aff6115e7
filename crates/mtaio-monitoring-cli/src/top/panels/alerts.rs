//! Thresholds and where they stand, and below them the alerts, the newest first.

use mtaio_monitoring::export::writing::printable::fit;
use mtaio_monitoring::snapshot::ThresholdState;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::lines::beyond;
use crate::screen::application::{alert_lines, standing, threshold_lines};

use super::super::{Panel, Top};
use super::{Fact, Shown, table};

/// From so many columns on there is room for what a threshold says of itself.
const WIDE: u16 = 70;

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let snapshot = &shown.top.view.snapshot;
    let firing = snapshot.thresholds.iter().filter(|state| state.firing).count();
    let mut facts = vec![("", format!("{firing} of {} firing", snapshot.thresholds.len()))];
    if shown.top.state.held.is_some() {
        facts.push(("", "now".to_owned()));
    }
    facts
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width) + 1;
    let top = shown.top;
    let view = &top.view;
    let is_shown = |name: &str| top.state.shows(name);
    let thresholds = if area.width < WIDE {
        short_lines(shown, width)
    } else {
        threshold_lines(view, shown.appearance, width, is_shown)
    };
    let lines: Vec<Line<'static>> = thresholds
        .into_iter()
        .chain(alert_lines(view, shown.appearance, width, |text| top.state.shows(text)))
        .map(unindented)
        .collect();
    table::rows(lines.into_iter(), Panel::Alerts, shown, area, buffer);
}

pub(super) fn rows(top: &Top) -> usize {
    let snapshot = &top.view.snapshot;
    let thresholds = snapshot.thresholds.iter().filter(|state| top.state.shows(&state.rule.metric)).count();
    thresholds + snapshot.alerts.newest.iter().filter(|alert| top.state.shows(&alert.message)).count()
}

/// `FIRING  cpu_usage 99.0 % > 80.0 %`
fn short_lines(shown: &Shown<'_>, width: usize) -> Vec<Line<'static>> {
    let view = &shown.top.view;
    let wanted = |state: &&ThresholdState| shown.top.state.shows(&state.rule.metric);
    let thresholds = view.thresholds_by_urgency().into_iter().filter(wanted);
    let line = |state: &ThresholdState| {
        let (word, style) = standing(view, state, shown.appearance);
        let text = beyond(state, view.value_of(state));
        Line::from(vec![
            Span::styled(format!(" {word:<8}"), style),
            Span::raw(fit(&text, width.saturating_sub(10))),
        ])
    };
    thresholds.map(line).collect()
}

/// These lines are also those of a screen with a margin.
fn unindented(mut line: Line<'static>) -> Line<'static> {
    if let Some(first) = line.spans.first_mut() {
        first.content = first.content.trim_start_matches(' ').to_owned().into();
    }
    line
}
