//! What the user has chosen: which panel, which moment, which order. Pure: events in, state out.

use super::layout::Panel;

/// Seconds that charts may show.
const SPANS: [f64; 8] = [30.0, 60.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 86_400.0];
/// Samples that a chart shows at least, to begin with.
const SAMPLES: f64 = 60.0;
/// Letters of a filter at most.
const FILTER: usize = 64;

/// By what the processes are in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what it is called")]
pub enum Order {
    #[default]
    Processor,
    Memory,
    Threads,
    Number,
    Name,
}

impl Order {
    pub(super) const ALL: [Self; 5] = [Self::Processor, Self::Memory, Self::Threads, Self::Number, Self::Name];

    fn moved(self, forwards: bool) -> Self {
        let count = Self::ALL.len();
        let at = Self::ALL.iter().position(|order| *order == self).unwrap_or(0);
        Self::ALL[(at + if forwards { 1 } else { count - 1 }) % count]
    }
}

/// What the user has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The panel that keys are about.
    pub focus: Panel,
    /// Whether it has the whole screen.
    pub zoomed: bool,
    /// Whether the keys are explained.
    pub help: bool,
    /// The moment that is shown; `None` where that is now.
    pub held: Option<f64>,
    /// By what processes are in order.
    pub order: Order,
    /// Whether that order is turned round.
    pub reversed: bool,
    /// What rows must contain to be shown.
    pub filter: String,
    /// Whether it is being typed.
    pub typing: bool,
    /// The first row shown of each panel, as in [`Panel::ALL`].
    pub(super) first_rows: [usize; Panel::ALL.len()],
    span: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            focus: Panel::Processes,
            zoomed: false,
            help: false,
            held: None,
            order: Order::default(),
            reversed: false,
            filter: String::new(),
            typing: false,
            first_rows: [0; Panel::ALL.len()],
            span: 1,
        }
    }
}

impl State {
    /// The state to begin with, for samples this far apart.
    #[must_use]
    pub fn new(interval_seconds: f64) -> Self {
        let is_enough = |seconds: &f64| *seconds >= 60.0 && *seconds >= SAMPLES * interval_seconds;
        let span = SPANS.iter().position(is_enough).unwrap_or(SPANS.len() - 1);
        Self { span, ..Self::default() }
    }

    /// Seconds that charts show.
    #[must_use]
    pub fn span_seconds(&self) -> f64 {
        SPANS[self.span]
    }

    pub(super) fn change_span(&mut self, longer: bool) {
        self.span = if longer { (self.span + 1).min(SPANS.len() - 1) } else { self.span.saturating_sub(1) };
    }

    pub(super) fn change_order(&mut self, forwards: bool) {
        self.order = self.order.moved(forwards);
        self.reversed = false;
    }

    pub(super) fn order_by(&mut self, order: Order) {
        self.reversed = order == self.order && !self.reversed;
        self.order = order;
    }

    /// The next panel of these, or the one before.
    pub(super) fn move_focus(&mut self, panels: &[Panel], forwards: bool) {
        let count = panels.len().max(1);
        let at = panels.iter().position(|panel| *panel == self.focus).unwrap_or(0);
        if let Some(panel) = panels.get((at + if forwards { 1 } else { count - 1 }) % count) {
            self.focus = *panel;
        }
    }

    /// A character more of the filter, or one less.
    pub(super) fn type_filter(&mut self, character: Option<char>) {
        match character {
            Some(character) if self.filter.chars().count() < FILTER => self.filter.push(character),
            Some(_) => {}
            None => drop(self.filter.pop()),
        }
        self.first_rows = [0; Panel::ALL.len()];
    }

    pub(super) fn clear_filter(&mut self) {
        self.filter.clear();
        self.first_rows = [0; Panel::ALL.len()];
    }

    /// Whether a row with this text is shown. Letters are the same, small or large.
    #[must_use]
    pub fn shows(&self, text: &str) -> bool {
        self.filter.is_empty() || text.to_lowercase().contains(&self.filter.to_lowercase())
    }

    /// Goes back in time by a tenth of what charts show, or forwards, along samples from `oldest` to `newest`.
    pub(super) fn move_in_time(&mut self, back: bool, steps: f64, (oldest, newest): (f64, f64)) {
        let step = steps * self.span_seconds() / 10.0;
        let moment = self.held.unwrap_or(newest) + if back { -step } else { step };
        self.held = (moment < newest).then(|| moment.max(oldest));
    }
}
