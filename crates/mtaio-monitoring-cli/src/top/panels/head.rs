//! The first lines, about all of it, and the last one, about the keys.

use mtaio_monitoring::export::writing::printable::{fit, printable};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use crate::moment::{length, time_of_day};
use crate::screen::machine::limits;
use crate::screen::rows::ends;
use crate::screen::troubles;
use crate::tally::counted;

use super::super::{State, Top};
use super::{Fact, Shown};

/// Columns that the machine's name takes at most.
const HOST_NAME: usize = 40;

/// Lines of the head: one more where there is a container with limits.
pub(in crate::top) fn lines(top: &Top) -> u16 {
    let newest = top.record.newest().and_then(|newest| newest.stats.as_deref());
    if newest.is_some_and(|stats| !limits(stats).is_empty()) { 2 } else { 1 }
}

pub(in crate::top) fn render(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let appearance = shown.appearance;
    let top = shown.top;
    let (alerts, style) = match top.view.snapshot.thresholds.iter().filter(|state| state.firing).count() {
        0 => ("no alerts".to_owned(), appearance.quiet()),
        firing => (format!("{firing} firing"), appearance.alarm()),
    };
    let (moment, how) = moment(shown);
    let moment_style = if top.state.held.is_some() { appearance.warning() } else { appearance.quiet() };
    let right = vec![
        Span::styled(alerts, style),
        Span::styled(format!("  last {}  ", span(top.state.span_seconds())), appearance.quiet()),
        Span::raw(moment),
        Span::styled(format!(" {how} "), moment_style),
    ];
    let used: usize = right.iter().map(Span::width).sum();
    let name = top.host_name.as_deref().unwrap_or("this machine");
    let name = fit(name, HOST_NAME.min(width.saturating_sub(used + 3)));
    let mut left = vec![Span::styled(format!(" {name}"), appearance.title())];
    if let Some(uptime) = shown.stats.host.uptime_seconds {
        left.push(Span::styled(format!("  up {}", length(uptime)), appearance.quiet()));
    }
    if left.iter().map(Span::width).sum::<usize>() + used > width {
        left.truncate(1);
    }
    ends(left, right, width).render(Rect { height: 1, ..area }, buffer);
    if area.height > 1 {
        let place = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: 1 };
        shown.facts(container(shown), place.width).render(place, buffer);
    }
}

/// `5m`: spans are whole.
fn span(seconds: f64) -> String {
    let length = length(seconds);
    length.split(' ').next().unwrap_or_default().to_owned()
}

fn container(shown: &Shown<'_>) -> Vec<Fact> {
    let mut facts = vec![("", "container:".to_owned())];
    facts.extend(limits(shown.stats));
    facts
}

/// The time of what is shown, and how it stands to now.
fn moment(shown: &Shown<'_>) -> (String, String) {
    let record = &shown.top.record;
    let held = shown.top.state.held;
    let Some(moment) = held.or_else(|| record.newest().map(|newest| newest.timestamp)) else {
        return (String::new(), "no sample yet".to_owned());
    };
    let newest = record.newest().map_or(moment, |newest| newest.timestamp);
    let how = match held {
        None if trouble_of(shown.top).is_some() => "cut off".to_owned(),
        None => "live".to_owned(),
        Some(_) if newest - moment < 1.0 => "held".to_owned(),
        Some(_) => format!("held, {} back", length(newest - moment)),
    };
    (time_of_day(moment, shown.appearance.time_zone()), how)
}

pub(in crate::top) fn render_foot(shown: &Shown<'_>, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let appearance = shown.appearance;
    let state = &shown.top.state;
    let left = foot(state, width);
    let health = &shown.top.view.snapshot.health;
    let mut said = troubles(health);
    if let Some(trouble) = trouble_of(shown.top) {
        said.insert(0, trouble);
    }
    if !health.running {
        said.insert(0, "not running".to_owned());
    }
    if health.missed_ticks > 0 {
        said.push(format!("{} missed", counted(health.missed_ticks, "sample")));
    }
    // What is wrong comes before what the keys are.
    let left = if shown.top.remote.as_ref().is_some_and(|remote| remote.trouble.is_some()) && !state.typing {
        " q quits".to_owned()
    } else {
        left
    };
    let room = width.saturating_sub(Span::raw(&left).width() + 3);
    let style = if state.typing || !state.filter.is_empty() { appearance.title() } else { appearance.quiet() };
    let said = vec![Span::styled(fit(&said.join(" · "), room), appearance.warning()), Span::raw(" ")];
    ends(vec![Span::styled(left, style)], said, width).render(area, buffer);
}

/// Why what is shown is not of now.
fn trouble_of(top: &Top) -> Option<String> {
    let trouble = top.remote.as_ref()?.trouble.as_ref()?;
    Some(format!("trying again: {}", printable(trouble)))
}

fn foot(state: &State, width: usize) -> String {
    if state.typing {
        // What is typed last is to be seen.
        let filter = printable(&state.filter);
        let room = width.saturating_sub(36);
        let skipped = filter.chars().count().saturating_sub(room);
        let end: String = filter.chars().skip(skipped).collect();
        return format!(" filter: {end}_  Enter keeps, Esc clears");
    }
    if !state.filter.is_empty() {
        return format!(" filter: {}  Esc clears", fit(&state.filter, width.saturating_sub(24)));
    }
    let going_on: &[&str] = &["←→ in time", "p goes on", "? help", "q quits"];
    let usual: &[&str] = &["? help", "q quits", "/ filters", "s sorts", "z zooms", "p holds", "←→ in time"];
    let mut line = String::new();
    for hint in if state.held.is_some() { going_on } else { usual } {
        let gap = if line.is_empty() { " " } else { "  " };
        if Span::raw(&line).width() + gap.len() + Span::raw(*hint).width() > width {
            break;
        }
        line += gap;
        line += hint;
    }
    line
}
