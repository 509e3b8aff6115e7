//! Deciding whether to tell someone. Pure: values and a time go in, transitions come out.

mod alert;
mod expression;
mod grammar;
mod pressure;
mod rule;
mod values;
mod watch;

pub use alert::{Alert, AlertState, Level};
pub use expression::{Aggregate, Expression, LabelCondition, Percent, Term};
pub use pressure::{OnceAWindow, PressureEvent, PressureRule, PressureSource};
pub use rule::{Rule, RuleOptions};
pub use values::Values;
pub use watch::{Change, Watch};
