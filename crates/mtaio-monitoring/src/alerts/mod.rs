//! Deciding whether to tell someone. Pure: values and a time go in, transitions come out.

mod alert;
mod pressure;
mod rule;
mod watch;

pub use alert::{Alert, AlertState, Level};
pub use pressure::{OnceAWindow, PressureEvent, PressureRule, PressureSource};
pub use rule::{Rule, RuleOptions};
pub use watch::{Change, Watch};
