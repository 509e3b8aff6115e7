//! The network: all of it over time; where there is room, each interface now.

use mtaio_monitoring::export::writing::quantity::{Unit, quantity};
use mtaio_monitoring::rates::InterfaceStats;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::record::Course;
use super::super::{Lists, Panel, Top};
use super::table::Table;
use super::{Fact, Shown, directions};

pub(super) fn title(shown: &Shown<'_>) -> Vec<Fact> {
    let network = &shown.stats.network;
    let lost = |name, value: Option<f64>| {
        value.filter(|value| *value > 0.0).map(|value| (name, quantity(Some(value), Unit::PerSecond)))
    };
    let sum = |one: Option<f64>, other: Option<f64>| one.zip(other).map(|(one, other)| one + other);
    let drops = sum(network.receive_drops_per_second, network.transmit_drops_per_second);
    let errors = sum(network.receive_errors_per_second, network.transmit_errors_per_second);
    [lost("dropped", drops), lost("errors", errors)].into_iter().flatten().collect()
}

pub(super) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let network = &shown.stats.network;
    let direction = |name, bytes, packets| {
        vec![(name, quantity(bytes, Unit::BytesPerSecond)), ("", quantity(packets, Unit::PerSecond))]
    };
    let came = direction("in", network.receive_bytes_per_second, network.receive_packets_per_second);
    let went = direction("out", network.transmit_bytes_per_second, network.transmit_packets_per_second);
    let charts = Rect { height: if shown.top.state.zoomed { area.height / 2 } else { area.height }, ..area };
    directions(shown, [(came, Course::NetworkIn), (went, Course::NetworkOut)], charts, buffer);
    let below = Rect { y: area.y + charts.height, height: area.height - charts.height, ..area };
    if below.height > 1 {
        let columns = ["interface", "in", "out", "packets in", "packets out", "drops", "errors"];
        Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: listed(shown.top, shown.lists()).map(|one| (cells(one), Style::new())).collect(),
            name_columns: 12,
        }
        .render(Panel::Network, shown, below, buffer);
    }
}

pub(super) fn rows(top: &Top) -> usize {
    listed(top, top.record.lists_at(top.state.held).0).count()
}

fn listed<'a>(top: &'a Top, lists: Option<&'a Lists>) -> impl Iterator<Item = &'a InterfaceStats> {
    let interfaces = lists.and_then(|lists| lists.details.interfaces.as_deref()).unwrap_or_default();
    interfaces.iter().filter(|interface| top.state.shows(&interface.name))
}

fn cells(one: &InterfaceStats) -> Vec<String> {
    let rate = |value| quantity(value, Unit::BytesPerSecond);
    let count = |value| quantity(value, Unit::PerSecond);
    let sum = |came: Option<f64>, went: Option<f64>| came.zip(went).map(|(came, went)| came + went);
    vec![
        one.name.clone(),
        rate(one.receive_bytes_per_second),
        rate(one.transmit_bytes_per_second),
        count(one.receive_packets_per_second),
        count(one.transmit_packets_per_second),
        count(sum(one.receive_drops_per_second, one.transmit_drops_per_second)),
        count(sum(one.receive_errors_per_second, one.transmit_errors_per_second)),
    ]
}
