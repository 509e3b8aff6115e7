//! Deciding whether to tell someone. Pure: values and a time go in, transitions come out.

mod alert;
mod condition;
mod evidence;
mod expression;
mod grammar;
mod instances;
mod notifier;
mod pressure;
mod prometheus;
mod rule;
mod silence;
mod state;
mod values;
mod watch;

pub use crate::profiler::TraceEvidence;
pub use crate::rates::ProcessEvidence;
pub use alert::{Alert, AlertState, Level};
pub use condition::Phase;
pub use evidence::Evidence;
pub use expression::{Aggregate, Expression, LabelCondition, Percent, Term};
pub use instances::{INSTANCES, Instances};
pub use pressure::{OnceAWindow, PressureEvent, PressureRule, PressureSource};
pub use prometheus::prometheus_rules;
pub use rule::{Annotations, NoData, Rule, RuleOptions};
pub use silence::{Matcher, Silence};
pub use state::ThresholdState;
pub use values::Values;
pub use watch::{Change, Mark, Moment, Outcome, Seen, State, Transition, Watch};
