//! What a program has recorded. Only how it is now: what it was is not among the samples.

use mtaio_monitoring::export::writing::quantity::{Unit, number, quantity};
use mtaio_monitoring::metrics::SeriesSnapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::{Panel, Top};
use super::table::Table;
use super::{Fact, Shown};

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let mut facts = vec![("", rows(shown.top).to_string())];
    if shown.top.state.held.is_some() {
        facts.push(("", "now".to_owned()));
    }
    facts
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    Table {
        columns: ["name", "last", "p99", "p50", "count", "max"].map(str::to_owned).to_vec(),
        rows: listed(shown.top).map(|series| (cells(series), Style::new())).collect(),
        name_columns: 18,
    }
    .render(Panel::Recorded, shown, area, buffer);
}

pub(super) fn rows(top: &Top) -> usize {
    listed(top).count()
}

fn listed(top: &Top) -> impl Iterator<Item = &SeriesSnapshot> {
    top.view.snapshot.recorded.iter().filter(|series| top.state.shows(&series.title()))
}

fn cells(series: &SeriesSnapshot) -> Vec<String> {
    let unit = Unit::of_metric(&series.name);
    let quantile = |share| quantity(series.sketch.quantile(share), unit);
    vec![
        series.title().to_string(),
        quantity(series.last, unit),
        quantile(0.99),
        quantile(0.5),
        number(series.count as f64),
        quantity(series.max, unit),
    ]
}
