//! The terminal's face of a monitor: the `mtaio` command, and the live view that it and the Python package show.
//!
//! Everything here is about showing: words, columns, rounding, colour. What is shown comes from the core as a
//! [`View`]; nothing here measures, subtracts samples or decides whether an alert is due.
//!
//! - [`run`] is the whole command.
//! - [`LiveView`] shows any monitor while a program runs: a screen in a terminal, else a line a second.
//! - [`top`] is the screen of `mtaio top`, which has keys.
//! - [`diagnosis_text`] and [`diagnosis_json`] are what `mtaio doctor` prints.
//! - [`Screen`] is that screen as a ratatui widget, and [`line()`] that line.

mod appearance;
mod command;
mod diagnosis;
mod far;
mod lines;
mod live;
mod moment;
mod screen;
mod summary;
mod tally;
pub mod top;
mod view;

pub use appearance::Appearance;
pub use command::run;
pub use diagnosis::{diagnosis_json, diagnosis_text};
pub use lines::line;
pub use live::{LiveOptions, LiveView, Output};
pub use screen::Screen;
pub use view::View;
