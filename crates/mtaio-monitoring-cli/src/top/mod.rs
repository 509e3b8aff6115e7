//! The screen of `mtaio top`: panels with charts and lists, which a user goes through with keys and the mouse.
//!
//! [`Top`] is the whole of it without a terminal: observations and events in, a widget out. What is seen comes through
//! [`Source`], of which this machine is one; what has been seen is remembered, and so the screen can be held while
//! sampling goes on, and go back in time. Only `run` knows a terminal.
//!
//! It is apart from [`LiveView`](crate::LiveView), which is another program's guest on the terminal and reads none of its
//! keys.

mod chart;
mod events;
mod keyboard;
mod keys;
mod layout;
mod machine;
mod observation;
mod panels;
mod record;
mod run;
mod state;
mod widget;

use ratatui::layout::Rect;

use crate::view::View;

use layout::layout;
use record::Record;

pub use events::{Event, Key, Parser};
pub use keys::Outcome;
pub use layout::Panel;
pub use observation::{Lists, Observation, Remote, Source};
pub use state::{Order, State};
pub use widget::TopScreen;

pub(crate) use machine::Machine;
pub(crate) use run::{Options, Running};

/// What has been seen, and what the user has chosen to see of it.
#[derive(Debug)]
pub struct Top {
    /// What the user has chosen.
    pub state: State,
    record: Record,
    view: View,
    host_name: Option<String>,
    remote: Option<Remote>,
    /// Columns and rows.
    size: (u16, u16),
}

impl Top {
    /// The screen of what was seen first, on so many columns and rows.
    #[must_use]
    pub fn new(observation: Observation, size: (u16, u16)) -> Self {
        let state = State::new(observation.view.snapshot.interval_seconds);
        let view = View { history: Vec::new(), ..observation.view.clone() };
        let mut top = Self { state, record: Record::default(), view, host_name: None, remote: None, size };
        top.take_in(observation);
        top
    }

    /// Takes in another look.
    pub fn take_in(&mut self, mut observation: Observation) {
        self.record.take_in(&mut observation);
        self.host_name = observation.host_name;
        self.remote = observation.remote;
        self.view = observation.view;
    }

    /// The screen has another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }

    /// The time of the newest sample.
    #[must_use]
    pub fn newest(&self) -> Option<f64> {
        self.record.newest().map(|newest| newest.timestamp)
    }

    /// How things stand, as it was seen last.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The panels that there is something for.
    fn panels(&self) -> Vec<Panel> {
        let snapshot = &self.view.snapshot;
        let has_alerts = !snapshot.thresholds.is_empty() || snapshot.alerts.total > 0;
        let stats = self.record.newest().and_then(|newest| newest.stats.as_deref());
        let is_there = |panel: &Panel| match panel {
            Panel::Pressure => stats.is_some_and(panels::pressure::is_measured),
            Panel::Processes => {
                // What is far away does not tell them, which is not to look as if there were none.
                self.remote.is_some() || self.record.lists_at(None).1.is_some() || self.record.newest().is_none()
            }
            Panel::Recorded => !snapshot.recorded.is_empty(),
            Panel::Alerts => has_alerts,
            Panel::Processors | Panel::Memory | Panel::Disks | Panel::Network => true,
        };
        Panel::ALL.into_iter().filter(is_there).collect()
    }

    /// Where the panels stand.
    fn places(&self) -> Vec<(Panel, Rect)> {
        let (width, height) = self.size;
        let head = panels::head::lines(self);
        let body = Rect { x: 0, y: head, width, height: height.saturating_sub(head + 1) };
        let panels = self.panels();
        let focus = Some(self.state.focus).filter(|focus| panels.contains(focus));
        layout(body, &panels, focus.filter(|_| self.state.zoomed))
    }
}
