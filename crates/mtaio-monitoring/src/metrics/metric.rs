//! One metric: what it was declared as, and its series, one for each set of labels.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{MonitoringError, Result};
use crate::lock::RwLock;

use super::catalogue::Kind;
use super::labels::Labels;
use super::own_bounds::Bounds;
use super::series::Series;

/// Characters that a unit has at most: OpenTelemetry's limit.
const UNIT_LIMIT: usize = 63;

/// Values of a label that the message about too many series names.
const TOP_VALUES: usize = 3;

/// What a program says of a metric before it records to it.
///
/// ```
/// use mtaio_monitoring::metrics::Declaration;
/// use mtaio_monitoring::metrics::catalogue::Kind;
///
/// let declared = Declaration::new(Kind::Histogram, "s", "Time that a request took.").unwrap();
/// assert_eq!((declared.kind(), declared.unit()), (Kind::Histogram, "s"));
/// assert!(Declaration::new(Kind::Gauge, "two words", "").is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    kind: Kind,
    unit: Arc<str>,
    help: Arc<str>,
    bounds: Option<Bounds>,
}

impl Declaration {
    /// A metric of this kind.
    ///
    /// `unit` is in the UCUM notation that OpenTelemetry uses: `s`, `By`, `1`, `{request}`; empty where there is none.
    /// `help` is one sentence for a person.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a unit that is no printable ASCII without spaces, or longer than 63
    /// characters.
    pub fn new(kind: Kind, unit: &str, help: &str) -> Result<Self> {
        if unit.len() > UNIT_LIMIT || !unit.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MonitoringError::argument(
                "unit",
                "up to 63 ASCII characters without spaces, as OpenTelemetry writes units: s, By, 1, {request}",
                format_args!("{unit:?}"),
            ));
        }
        Ok(Self { kind, unit: unit.into(), help: help.into(), bounds: None })
    }

    /// The same with upper bounds of the program's own, at which values are counted exactly: the `le` of a classic
    /// histogram. Without them a classic histogram is made from the sketch, which knows where a value lies to within 1.1 %.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] unless it is a histogram, and they are 1 to 100 finite numbers in ascending order.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Declaration;
    /// use mtaio_monitoring::metrics::catalogue::Kind;
    ///
    /// let declared = Declaration::new(Kind::Histogram, "s", "").unwrap().with_bounds(&[0.1, 0.3, 1.0]).unwrap();
    /// assert_eq!(declared.bounds(), Some(&[0.1, 0.3, 1.0][..]));
    /// assert!(declared.with_bounds(&[1.0, 0.1]).is_err());
    /// ```
    pub fn with_bounds(mut self, bounds: &[f64]) -> Result<Self> {
        if self.kind != Kind::Histogram {
            let what = format!("bounds are a histogram's, and this is a {}", self.kind.name());
            return Err(MonitoringError::Configuration(what));
        }
        self.bounds = Some(Bounds::new(bounds)?);
        Ok(self)
    }

    /// The upper bounds of the program's own, in ascending order.
    #[must_use]
    pub fn bounds(&self) -> Option<&[f64]> {
        self.bounds.as_ref().map(Bounds::as_slice)
    }

    /// How its values behave.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its unit; empty where none was given.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// What it is, in one sentence; empty where nothing was said.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl Default for Declaration {
    /// What holds for a name that nobody declared.
    fn default() -> Self {
        Self { kind: Kind::Untyped, unit: "".into(), help: "".into(), bounds: None }
    }
}

/// A metric of a [`Registry`](super::Registry).
#[derive(Debug)]
pub struct Metric {
    name: Arc<str>,
    declaration: RwLock<Declaration>,
    /// The series without labels: what most metrics have alone.
    pub(super) plain: OnceLock<Arc<Series>>,
    pub(super) labelled: RwLock<HashMap<Labels, Arc<Series>>>,
    /// What is recorded with labels for which there is no room.
    overflow: OnceLock<Arc<Series>>,
    overflow_told: AtomicBool,
}

impl Metric {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            declaration: RwLock::default(),
            plain: OnceLock::new(),
            labelled: RwLock::default(),
            overflow: OnceLock::new(),
            overflow_told: AtomicBool::new(false),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it was declared as.
    #[must_use]
    pub fn declaration(&self) -> Declaration {
        self.declaration.read().clone()
    }

    /// Every series: the one without labels first, the one for what had no room last.
    #[must_use]
    pub fn series(&self) -> Vec<Arc<Series>> {
        let mut labelled: Vec<_> = self.labelled.read().values().cloned().collect();
        labelled.sort_unstable_by(|a, b| a.labels().cmp(b.labels()));
        self.plain.get().into_iter().cloned().chain(labelled).chain(self.overflow.get().cloned()).collect()
    }

    /// Every series in the order in which they were made. That of their labels costs more than to write them, and a series
    /// that comes later moves none.
    pub(crate) fn series_as_made(&self) -> Vec<Arc<Series>> {
        let mut all = Vec::new();
        self.add_series(&mut all);
        all.sort_by_cached_key(|series| series.number());
        all
    }

    /// Adds every series, in no order.
    pub(super) fn add_series(&self, all: &mut Vec<Arc<Series>>) {
        all.extend(self.plain.get().into_iter().chain(self.overflow.get()).cloned());
        all.extend(self.labelled.read().values().cloned());
    }

    /// Declares it, or finds that it was declared so before.
    pub(super) fn declare(&self, new: &Declaration) -> Result<()> {
        let mut guard = self.declaration.write();
        let present = &mut *guard;
        let fits = |present: &str, new: &str| present.is_empty() || new.is_empty() || present == new;
        if present.kind != Kind::Untyped && present.kind != new.kind {
            return Err(MonitoringError::Configuration(format!(
                "{:?} is declared as a {} already, and cannot be a {} as well: give one of them another name",
                self.name,
                present.kind.name(),
                new.kind.name()
            )));
        }
        if !fits(&present.unit, &new.unit) {
            return Err(MonitoringError::Configuration(format!(
                "{:?} is declared with the unit {:?} already, and cannot have {:?} as well: give the same unit, or none",
                self.name, present.unit, new.unit
            )));
        }
        if let (Some(present), Some(new)) = (present.bounds(), new.bounds())
            && present != new
        {
            return Err(MonitoringError::Configuration(format!(
                "{:?} is declared with the bounds {present:?} already, and cannot have {new:?} as well: give the same \
                 bounds, or none",
                self.name
            )));
        }
        present.kind = new.kind;
        if present.bounds.is_none() {
            present.bounds.clone_from(&new.bounds);
        }
        for (present, new) in [(&mut present.unit, &new.unit), (&mut present.help, &new.help)] {
            if present.is_empty() {
                *present = Arc::clone(new);
            }
        }
        let bounds = present.bounds.clone();
        drop(guard);
        for series in self.series() {
            series.set_counter(new.kind == Kind::Counter);
            bounds.iter().for_each(|bounds| series.set_bounds(bounds));
        }
        Ok(())
    }

    /// A series of this metric that does not exist yet.
    pub(super) fn new_series(&self, labels: Labels, watched: bool, now_ns: u64) -> Arc<Series> {
        let series = Series::with_labels(Arc::clone(&self.name), labels, now_ns);
        let declaration = self.declaration.read();
        series.set_counter(declaration.kind == Kind::Counter);
        declaration.bounds.iter().for_each(|bounds| series.set_bounds(bounds));
        series.set_watched(watched);
        Arc::new(series)
    }

    pub(super) fn overflow_series(&self, watched: bool, now_ns: u64) -> &Arc<Series> {
        self.overflow.get_or_init(|| self.new_series(Labels::overflow(), watched, now_ns))
    }

    /// True once: for who tells that there are too many series.
    pub(super) fn tells_overflow(&self) -> bool {
        !self.overflow_told.swap(true, Ordering::Relaxed)
    }

    /// What to say when there are too many series: which label has the most values, and who uses them.
    pub(super) fn overflow_message(&self, why: &str) -> String {
        // Label -> value -> values recorded.
        let mut seen: HashMap<Arc<str>, HashMap<Arc<str>, u64>> = HashMap::new();
        for (labels, series) in &*self.labelled.read() {
            let count = series.count();
            for (name, value) in labels.pairs() {
                *seen.entry(Arc::clone(name)).or_default().entry(Arc::clone(value)).or_default() += count;
            }
        }
        let most = seen.iter().max_by_key(|(name, values)| (values.len(), std::cmp::Reverse(Arc::clone(name))));
        let blame = most.map_or_else(String::new, |(name, values)| {
            let mut top: Vec<_> = values.iter().collect();
            top.sort_unstable_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let top = top.iter().take(TOP_VALUES).map(|(value, count)| format!("{value:?} ({count} recorded)"));
            let top: Vec<_> = top.collect();
            format!(
                " Its label {name:?} has the most values, {}; those recorded most often: {}.",
                values.len(),
                top.join(", ")
            )
        });
        format!(
            "{:?} has {why}: what is recorded with further labels counts in its series {} from now on.{blame} \
             Labels are for few values: not for users, addresses or numbers of requests",
            self.name,
            Labels::overflow()
        )
    }
}
