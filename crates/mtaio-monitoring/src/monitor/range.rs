//! A stretch of the past as a chart shows it: values at evenly spaced times.

use std::sync::Arc;

use crate::alerts::{Aggregate, Expression, Term, Values};
use crate::error::{MonitoringError, Result};
use crate::history::{Stamped, Wanted};
use crate::metrics::catalogue::BuiltIn;
use crate::metrics::{Labels, Series, Summary};
use crate::rates::SystemStats;

use super::core::{MonitorCore, ROWS_AT_ONCE};
use super::query;
use super::shared::Shared;

/// Times in one answer, and expressions, at most.
const MOST_POINTS: usize = 10_000;
const MOST_EXPRESSIONS: usize = 200;
/// Times of all expressions together: what one question costs is bounded.
const MOST_VALUES: usize = 200_000;
/// What a value at a time looks back on, at least: with less, quantiles of what is seldom would be noise.
const WINDOW_SECONDS: f64 = 60.0;

/// What some metrics were, from one time to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// Seconds since the epoch, ascending. Where there was no sample there is no time.
    pub times: Vec<f64>,
    /// Seconds between two of them, where none is missing.
    pub step_seconds: f64,
    /// One for each expression that was asked for, in order, and as long as the times.
    pub columns: Vec<Column>,
}

/// What one expression was: `None` where nothing was measured or recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// The mean of what the time stands for.
    pub mean: Vec<Option<f64>>,
    /// The lowest. Of an aggregate, which is one value, that value.
    pub min: Vec<Option<f64>>,
    /// The highest.
    pub max: Vec<Option<f64>>,
}

impl MonitorCore {
    /// What metrics were from `start` to `end` (seconds since the epoch; all that is remembered without them), at no more
    /// than `points` times, or one more where steps are cut by the ends: each sample by itself where there are few, else the mean, the lowest and the highest of as many
    /// as a step has.
    ///
    /// A built-in metric is asked for by its name. A recorded one by its name too, which gives what was recorded in the step,
    /// or the value before where nothing was; or by an expression as in [`Self::query`], which looks back on a minute at each
    /// time, or on a step if that is longer.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a time that is not a number, for points outside 1 to 10 000, more than 200
    /// expressions or 200 000 points of all of them together, one that cannot be read, has a `by`, or has an aggregate of a built-in metric.
    /// [`MonitoringError::UnknownMetric`] for a name that nobody knows.
    ///
    /// ```
    /// use mtaio_monitoring::monitor::{Config, MonitorCore};
    /// let monitor = MonitorCore::new(Config::default());
    /// let range = monitor.range(&["cpu_usage"], None, None, 600)?;
    /// assert!(range.times.is_empty(), "it never ran");
    /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
    /// ```
    pub fn range(
        &self,
        expressions: &[&str],
        start: Option<f64>,
        end: Option<f64>,
        points: usize,
    ) -> Result<Range> {
        if !(1..=MOST_POINTS).contains(&points) {
            let accepted = format!("a whole number from 1 to {MOST_POINTS}");
            return Err(MonitoringError::argument("points", &accepted, points));
        }
        if expressions.len() > MOST_EXPRESSIONS {
            let accepted = format!("at most {MOST_EXPRESSIONS}");
            return Err(MonitoringError::argument("expressions", &accepted, expressions.len()));
        }
        if points * expressions.len() > MOST_VALUES {
            let accepted = format!("at most {MOST_VALUES} together, of all expressions");
            let given = format_args!("{} x {points}", expressions.len());
            return Err(MonitoringError::argument("points", &accepted, given));
        }
        for (argument, time) in [("start", start), ("end", end)] {
            if time.is_some_and(f64::is_nan) {
                return Err(MonitoringError::argument(argument, "seconds since the epoch, or nothing", "NaN"));
            }
        }
        let shared = self.shared();
        let wanted: Vec<Asked> =
            expressions.iter().map(|text| Asked::new(&shared, text)).collect::<Result<_>>()?;
        let built_in: Vec<BuiltIn> = wanted.iter().filter_map(Asked::built_in).collect();
        let (steps, step_seconds) = shared.steps(&built_in, start, end, points);

        let mut measured = 0..;
        let columns = wanted.iter().map(|asked| match asked {
            Asked::BuiltIn(_) => {
                let at = measured.next().unwrap_or_default();
                Column::of(steps.iter().map(|step| step.values[at].seen()))
            }
            Asked::Recorded(expression) => shared.recorded_range(expression, &steps, step_seconds),
        });
        let columns = columns.collect();
        Ok(Range { times: steps.iter().map(|step| step.time).collect(), step_seconds, columns })
    }
}

/// An expression, sorted by where its values lie.
enum Asked {
    BuiltIn(BuiltIn),
    Recorded(Expression),
}

impl Asked {
    fn new(shared: &Shared, text: &str) -> Result<Self> {
        if let Some(metric) = BuiltIn::from_name(text) {
            return Ok(Self::BuiltIn(metric));
        }
        let expression = of_any_name(shared, text).map_or_else(|| text.parse(), Ok)?;
        if !expression.by.is_empty() || expression.terms().any(|term| BuiltIn::from_name(&term.metric).is_some()) {
            let accepted = "the name of a built-in metric, or an expression of recorded ones without `by`";
            return Err(MonitoringError::argument("expression", accepted, format_args!("{text:?}")));
        }
        if let Some(term) = expression.terms().find(|term| shared.registry.metric(&term.metric).is_none()) {
            return Err(shared.no_value(&term.metric));
        }
        Ok(Self::Recorded(expression))
    }

    fn built_in(&self) -> Option<BuiltIn> {
        match self {
            Self::BuiltIn(metric) => Some(*metric),
            Self::Recorded(_) => None,
        }
    }
}

/// `name` or `name:aggregate` of a recorded name that has what the grammar has other uses for: a name may be any text.
fn of_any_name(shared: &Shared, text: &str) -> Option<Expression> {
    let is_recorded = |name: &str| shared.registry.metric(name).is_some();
    let of = |metric: &str, aggregate| Expression {
        term: Term { aggregate, ..Term::last_of(metric) },
        divisor: None,
        by: Vec::new(),
    };
    if is_recorded(text) {
        return Some(of(text, Aggregate::Last));
    }
    let (name, aggregate) = text.rsplit_once(':').filter(|(name, _)| is_recorded(name))?;
    let known: Expression = format!("metric:{aggregate}").parse().ok()?;
    Some(of(name, known.term.aggregate))
}

/// What one time stands for.
struct Step {
    time: f64,
    /// When it begins and ends.
    begin: f64,
    end: f64,
    /// One for each built-in metric.
    values: Vec<Seen>,
}

/// Values that are taken together.
#[derive(Clone, Copy)]
struct Seen {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Seen {
    const NOTHING: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn seen(self) -> Option<[f64; 3]> {
        (self.count > 0).then(|| [self.sum / self.count as f64, self.min, self.max])
    }
}

impl Column {
    fn of(values: impl Iterator<Item = Option<[f64; 3]>>) -> Self {
        let mut column = Self::default();
        for value in values {
            column.mean.push(value.map(|[mean, _, _]| mean));
            column.min.push(value.map(|[_, min, _]| min));
            column.max.push(value.map(|[_, _, max]| max));
        }
        column
    }
}

impl Shared {
    /// The samples of a stretch of time, put together to as many steps as there may be.
    fn steps(&self, metrics: &[BuiltIn], start: Option<f64>, end: Option<f64>, points: usize) -> (Vec<Step>, f64) {
        let interval = self.config.interval_seconds();
        let (first, last) = {
            let history = self.history.lock();
            let first = history.range(start.unwrap_or(f64::NEG_INFINITY), f64::INFINITY).next();
            (first.map(Stamped::timestamp_seconds), history.newest().map(Stamped::timestamp_seconds))
        };
        let (Some(first), Some(last)) = (first, last) else { return (Vec::new(), interval) };
        let end = end.unwrap_or(last).min(last);
        let width = (end - first) / points as f64;
        // A sample may come late: with one step a sample some would fall into their neighbour's.
        let is_whole = width <= interval;
        let step_seconds = if is_whole { interval } else { width };
        let mut steps: Vec<Step> = Vec::new();
        let mut from = first;
        loop {
            // A slice at a time: a long history must not hold up the next sample.
            let rows: Vec<_> = self.history.lock().range(from, end).take(ROWS_AT_ONCE).copied().collect();
            for row in &rows {
                let stats = SystemStats::from(row);
                // Aligned, so that the steps of one answer are those of the next.
                let place = (stats.timestamp / step_seconds).floor() * step_seconds;
                let is_new = is_whole || steps.last().is_none_or(|step| step.begin < place);
                if is_new {
                    let (time, begin, end) = if is_whole {
                        let elapsed = stats.elapsed_seconds.unwrap_or(interval);
                        (stats.timestamp, stats.timestamp - elapsed, stats.timestamp)
                    } else {
                        (place + step_seconds / 2.0, place, place + step_seconds)
                    };
                    steps.push(Step { time, begin, end, values: vec![Seen::NOTHING; metrics.len()] });
                }
                let Some(step) = steps.last_mut() else { continue };
                for (seen, metric) in step.values.iter_mut().zip(metrics) {
                    stats.value(*metric).into_iter().for_each(|value| seen.add(value));
                }
            }
            match rows.last() {
                Some(newest) if rows.len() == ROWS_AT_ONCE => from = newest.timestamp_seconds().next_up(),
                _ => return (steps, step_seconds),
            }
        }
    }

    fn recorded_range(&self, expression: &Expression, steps: &[Step], step_seconds: f64) -> Column {
        let is_value = expression.divisor.is_none() && expression.term.aggregate == Aggregate::Last;
        let selected: Vec<Selected<'_>> = expression.terms().map(|term| self.selected(term)).collect();
        let mut before = None;
        Column::of(steps.iter().map(|step| {
            if is_value {
                let summary = self.past(&selected, step.begin, step.end).summary(&expression.term, Wanted::Totals);
                let now = summary.and_then(|all| Some([all.mean()?, all.sketch.min?, all.sketch.max?]));
                // A value stands until there is another.
                let stands = before.map(|[_, _, last]: [f64; 3]| [last, last, last]);
                before = now.map(|[mean, _, _]| [mean, mean, mean]).or(before);
                return now.or(stands);
            }
            let past = self.past(&selected, step.end - step_seconds.max(WINDOW_SECONDS), step.end);
            let value = expression.evaluate(&past, 0).pop().and_then(|(_, value)| value);
            value.filter(|value| value.is_finite()).map(|value| [value; 3])
        }))
    }

    fn selected<'a>(&self, term: &'a Term) -> Selected<'a> {
        let all = self.registry.metric(&term.metric).map(|metric| metric.series()).unwrap_or_default();
        (term, all.into_iter().filter(|series| term.selects(series.labels())).collect())
    }

    /// What was recorded from one time to another, in seconds since the epoch.
    fn past<'a>(&'a self, selected: &'a [Selected<'a>], begin: f64, end: f64) -> Past<'a> {
        let now_ns = self.config.clock().monotonic_ns();
        let now = self.epoch_seconds();
        let moment = |time: f64| now_ns.saturating_sub(((now - time).max(0.0) * 1e9) as u64);
        Past { shared: self, selected, begin_ns: moment(begin), end_ns: moment(end) }
    }
}

/// A term and its series: found once, and not at each time.
type Selected<'a> = (&'a Term, Vec<Arc<Series>>);

/// A window of the past.
struct Past<'a> {
    shared: &'a Shared,
    selected: &'a [Selected<'a>],
    begin_ns: u64,
    end_ns: u64,
}

impl Past<'_> {
    fn summary(&self, term: &Term, wanted: Wanted) -> Option<Summary> {
        let (_, series) = self.selected.iter().find(|(known, _)| *known == term)?;
        let windows = self.shared.windows.lock();
        let span = windows.between(self.begin_ns, self.end_ns)?;
        Some(windows.summary(span, series.iter().map(|series| &**series), wanted))
    }

    fn value(&self, term: &Term) -> Option<f64> {
        let wanted = match query::wanted(term.aggregate) {
            Wanted::Last => Wanted::Totals,
            more => more,
        };
        query::value(&self.summary(term, wanted)?, term.aggregate)
    }
}

impl Values for Past<'_> {
    fn values(&self, term: &Term, _by: &[Arc<str>], _window_ns: u64) -> Vec<(Labels, Option<f64>)> {
        vec![(Labels::default(), self.value(term))]
    }
}
