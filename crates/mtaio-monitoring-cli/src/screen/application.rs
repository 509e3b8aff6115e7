//! What the program itself says: recorded metrics, thresholds, alerts.

use mtaio_monitoring::metrics::SeriesSnapshot;
use mtaio_monitoring::snapshot::ThresholdState;
use mtaio_monitoring::{Alert, AlertState};
use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::appearance::Appearance;
use crate::moment::time_of_day;
use crate::view::View;
use mtaio_monitoring::export::writing::columns::{Align, pad, widths};
use mtaio_monitoring::export::writing::printable::fit;
use mtaio_monitoring::export::writing::quantity::{Unit, number, quantity};

use super::rows::Rows;

/// A heading and the lines below it.
pub(super) struct Section {
    /// What the lines are.
    name: &'static str,
    /// How many there are, where that is more than are shown.
    total: u64,
    /// Names of columns, behind the heading on its line.
    columns: String,
    quiet: Style,
    lines: Vec<Line<'static>>,
}

/// The sections that have something to say, most important first.
pub(super) fn sections(view: &View, appearance: &Appearance, width: usize) -> Vec<Section> {
    let sections =
        [recorded(view, appearance, width), thresholds(view, appearance, width), alerts(view, appearance, width)];
    sections.into_iter().flatten().collect()
}

impl Section {
    /// Lines that it would like, its heading and a blank above it included.
    pub(super) fn lines(&self) -> u16 {
        u16::try_from(self.lines.len() + 2).unwrap_or(u16::MAX)
    }

    /// Draws itself on so many lines.
    pub(super) fn render(self, lines: u16, rows: &mut Rows, buffer: &mut Buffer) {
        // The blank is the first to go.
        let roomy = lines >= self.lines();
        if roomy {
            rows.skip(1);
        }
        let room = usize::from(lines).saturating_sub(if roomy { 2 } else { 1 });
        if lines == 0 {
            return;
        }
        let shown = room.min(self.lines.len());
        let heading = if (shown as u64) < self.total {
            format!(" {} ({shown} of {})", self.name, self.total)
        } else {
            format!(" {}", self.name)
        };
        let width = usize::from(rows.width());
        let heading = overlay(&heading, &self.columns, width);
        rows.line(buffer, Line::styled(heading, self.quiet.patch(Style::new().underlined())));
        for line in self.lines.into_iter().take(shown) {
            rows.line(buffer, line);
        }
    }
}

/// The names of columns stand where their columns do; a long heading goes over the first of them.
fn overlay(heading: &str, columns: &str, width: usize) -> String {
    let used = Span::raw(heading).width() + 1;
    let rest: String = columns.chars().skip(used).collect();
    let heading = fit(heading, width);
    let text = if columns.is_empty() { heading } else { format!("{heading} {rest}") };
    pad(&text, width, Align::Left)
}

fn recorded(view: &View, appearance: &Appearance, width: usize) -> Option<Section> {
    const NAMES: [&str; 6] = ["last", "count", "mean", "p50", "p99", "max"];
    /// The order in which columns go where there is no room, as places in `NAMES`.
    const LEAST: [usize; 5] = [2, 5, 1, 3, 4];
    let series = &view.snapshot.recorded;
    if series.is_empty() {
        return None;
    }
    let mut rows: Vec<Vec<String>> = vec![NAMES.map(str::to_owned).to_vec()];
    rows.extend(series.iter().map(cells));
    let widths: Vec<usize> = widths(&rows).into_iter().map(|width| width.max(8)).collect();
    let mut kept: Vec<usize> = (0..NAMES.len()).collect();
    let needs = |kept: &[usize]| kept.iter().map(|column| widths[*column] + 2).sum::<usize>();
    for column in LEAST {
        if needs(&kept) + 22 > width {
            kept.retain(|at| *at != column);
        }
    }
    let name_width = width.saturating_sub(needs(&kept) + 2);
    let numbers = |row: &[String]| -> String {
        kept.iter().map(|&at| format!("  {}", pad(&row[at], widths[at], Align::Right))).collect()
    };
    let lines = series.iter().zip(&rows[1..]).map(|(series, row)| {
        let name = pad(&fit(&series.title(), name_width), name_width, Align::Left);
        Line::from(vec![Span::raw(format!(" {name}")), Span::raw(numbers(row))])
    });
    Some(Section {
        name: "recorded",
        total: series.len() as u64,
        columns: format!(" {}{}", " ".repeat(name_width), numbers(&rows[0])),
        quiet: appearance.quiet(),
        lines: lines.collect(),
    })
}

fn cells(series: &SeriesSnapshot) -> Vec<String> {
    let unit = Unit::of_metric(&series.name);
    let mean = (series.count > 0).then(|| series.sum / series.count as f64);
    let (median, tail) = (series.sketch.quantile(0.5), series.sketch.quantile(0.99));
    let mut cells: Vec<String> =
        [series.last, mean, median, tail, series.max].map(|value| quantity(value, unit)).to_vec();
    cells.insert(1, number(series.count as f64));
    cells
}

fn thresholds(view: &View, appearance: &Appearance, width: usize) -> Option<Section> {
    let lines = threshold_lines(view, appearance, width, |_| true);
    (!lines.is_empty()).then(|| Section {
        name: "thresholds",
        total: lines.len() as u64,
        columns: String::new(),
        quiet: appearance.quiet(),
        lines,
    })
}

/// The thresholds on these metrics, those that need somebody's eye first.
pub(crate) fn threshold_lines(
    view: &View,
    appearance: &Appearance,
    width: usize,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Line<'static>> {
    let mut thresholds = view.thresholds_by_urgency();
    thresholds.retain(|state| is_wanted(&state.rule.metric));
    let rows: Vec<Vec<String>> = thresholds.iter().map(|state| threshold_cells(view, state)).collect();
    let widths = if rows.is_empty() { vec![0, 0] } else { widths(&rows) };
    let lines = thresholds.iter().zip(&rows).map(|(state, row)| {
        let (word, style) = standing(view, state, appearance);
        let (value, limit) = (pad(&row[0], widths[0], Align::Right), pad(&row[1], widths[1], Align::Left));
        // A name that nobody can read says less than a limit that is cut off.
        let name_width = width.saturating_sub(9 + widths[0] + widths[1] + 6).clamp(12, 40);
        let name = pad(&fit(&state.rule.metric, name_width), name_width, Align::Left);
        Line::from(vec![
            Span::styled(format!(" {word:<8}"), style),
            Span::raw(format!("{name}  ")),
            Span::styled(value, style),
            Span::styled(format!("  {limit}"), appearance.quiet()),
        ])
    });
    lines.collect()
}

/// A word for how a threshold stands, and how it looks.
pub(crate) fn standing(view: &View, state: &ThresholdState, appearance: &Appearance) -> (&'static str, Style) {
    match state {
        ThresholdState { firing: true, .. } => ("FIRING", appearance.alarm()),
        ThresholdState { pending: true, .. } => ("PENDING", appearance.warning()),
        state if view.has_no_data(state) => ("NO DATA", appearance.warning()),
        _ => ("OK", appearance.good()),
    }
}

/// The value and the limit.
fn threshold_cells(view: &View, state: &ThresholdState) -> Vec<String> {
    let rule = &state.rule;
    let unit = Unit::of_metric(&rule.metric);
    let side = if rule.below { "fires below" } else { "fires above" };
    let mut limit = format!("{side} {}", quantity(Some(rule.threshold), unit));
    if rule.for_ns > 0 {
        limit += &format!(" for {}", quantity(Some(rule.for_ns as f64 / 1e9), Unit::Seconds));
    }
    if rule.clear != rule.threshold {
        limit += &format!(", clears at {}", quantity(Some(rule.clear), unit));
    }
    vec![quantity(view.value_of(state), unit), limit]
}

fn alerts(view: &View, appearance: &Appearance, width: usize) -> Option<Section> {
    let lines = alert_lines(view, appearance, width, |_| true);
    let alerts = &view.snapshot.alerts;
    (!lines.is_empty()).then(|| Section {
        name: "alerts",
        total: alerts.total.max(alerts.newest.len() as u64),
        columns: String::new(),
        quiet: appearance.quiet(),
        lines,
    })
}

/// The alerts of these messages, the newest on top: where lines run out it is the old ones that go.
pub(crate) fn alert_lines(
    view: &View,
    appearance: &Appearance,
    width: usize,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Line<'static>> {
    let line = |alert: &Alert| {
        let (word, style) = match alert.state {
            AlertState::Firing => ("firing", appearance.alarm()),
            AlertState::Resolved => ("resolved", appearance.good()),
        };
        let time = time_of_day(alert.timestamp, appearance.time_zone());
        Line::from(vec![
            Span::styled(format!(" {time} "), appearance.quiet()),
            Span::styled(format!("{word:<9}"), style),
            Span::raw(fit(&alert.message, width.saturating_sub(20))),
        ])
    };
    view.snapshot.alerts.newest.iter().rev().filter(|alert| is_wanted(&alert.message)).map(line).collect()
}
