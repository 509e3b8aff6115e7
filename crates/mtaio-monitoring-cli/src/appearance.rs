//! Colour or none, and whose hours the clock shows.

use std::env;

use jiff::tz::TimeZone;
use ratatui::style::{Color, Modifier, Style};

/// How things look. The words never depend on it: whatever a colour says, a word says too.
#[derive(Clone, Debug)]
pub struct Appearance {
    color: bool,
    time_zone: TimeZone,
}

impl Appearance {
    /// No colours, and times in UTC: the same on every machine.
    #[must_use]
    pub fn plain() -> Self {
        Self { color: false, time_zone: TimeZone::UTC }
    }

    /// As [`Self::plain`] with colours.
    #[must_use]
    pub fn colored() -> Self {
        Self { color: true, ..Self::plain() }
    }

    /// What the environment asks for: no colours where `NO_COLOR` is set to anything (<https://no-color.org>), and
    /// the system's time zone.
    #[must_use]
    pub fn of_environment() -> Self {
        let color = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { color, time_zone: TimeZone::system() }
    }

    /// The same without colours.
    #[must_use]
    pub fn without_color(self) -> Self {
        Self { color: false, ..self }
    }

    pub(crate) fn has_color(&self) -> bool {
        self.color
    }

    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    pub(crate) fn title(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is read once: names of fields, rules, the foot.
    pub(crate) fn quiet(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(crate) fn chart(&self) -> Style {
        self.foreground(Color::Cyan)
    }

    pub(crate) fn good(&self) -> Style {
        self.foreground(Color::Green)
    }

    pub(crate) fn warning(&self) -> Style {
        self.foreground(Color::Yellow)
    }

    pub(crate) fn alarm(&self) -> Style {
        self.foreground(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Only the sixteen colours of the terminal's own theme, which its owner has chosen to be readable.
    fn foreground(&self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }
}
