//! The metrics of a tokio service: declared, labelled, recorded through handles, and asked for.

use std::sync::Arc;

use crate::error::Result;
use crate::metrics::catalogue::Kind;
use crate::metrics::{Declaration, Labels, Summary};

use super::recording::Bound;
use super::resource_monitor::ResourceMonitor;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            monitor: ResourceMonitor,
            bound: Arc<Bound>,
        }

        impl $name {
            fn new(monitor: ResourceMonitor, bound: Bound) -> Self {
                Self { monitor, bound: Arc::new(bound) }
            }

            /// A handle of the series that has these labels beside its own. Make it once, where the values of the labels
            /// are few and known: recording through it looks nothing up.
            ///
            /// # Errors
            ///
            /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) for a label without a name.
            pub fn labels<N, V>(&self, labels: impl IntoIterator<Item = (N, V)>) -> Result<Self>
            where
                N: Into<Arc<str>>,
                V: Into<Arc<str>>,
            {
                Ok(Self::new(self.monitor.clone(), self.bound.with_labels(&Labels::new(labels))?))
            }

            fn put(&self, value: f64) {
                if self.monitor.inner.core.record_bound(&self.bound, value) {
                    self.monitor.inner.deliver();
                }
            }
        }
    };
}

handle! {
    /// A total that only grows, of one set of labels: see [`ResourceMonitor::counter`].
    Counter
}

handle! {
    /// A value that goes up and down, of one set of labels: see [`ResourceMonitor::gauge`].
    Gauge
}

handle! {
    /// Many values, of which the distribution is asked for, of one set of labels: see [`ResourceMonitor::histogram`].
    Histogram
}

impl Counter {
    /// Adds to the total. A step below zero, NaN and infinities are dropped and counted
    /// (`dropped_values` of [`ResourceMonitor::health`]).
    pub fn add(&self, step: f64) {
        self.put(step);
    }

    /// Has the total be at least this, for who is told totals and not steps. One that is not above the present one changes
    /// nothing.
    pub fn raise_to(&self, total: f64) {
        if self.monitor.inner.core.raise_bound(&self.bound, total) {
            self.monitor.inner.deliver();
        }
    }
}

impl Gauge {
    /// Sets the value. NaN and infinities are dropped and counted.
    pub fn set(&self, value: f64) {
        self.put(value);
    }

    /// Moves the value, which is 0 at first, by so much: up, or down below zero. Threads that do so wait for each other.
    pub fn add(&self, difference: f64) {
        if self.monitor.inner.core.add_bound(&self.bound, difference) {
            self.monitor.inner.deliver();
        }
    }
}

impl Histogram {
    /// Counts a value in the distribution. NaN and infinities are dropped and counted.
    pub fn record(&self, value: f64) {
        self.put(value);
    }
}

impl ResourceMonitor {
    /// Declares a counter: a total that only grows, such as requests answered. `unit` is in UCUM notation (`s`, `By`, `1`,
    /// `{request}`) or empty, `help` one sentence.
    ///
    /// The same name again gives another handle of the same metric.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) for an empty name, the name of a
    /// built-in metric, a name that is declared with another kind or unit already, and a unit that is none.
    ///
    /// ```
    /// # fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
    /// use mtaio_monitoring::ResourceMonitor;
    ///
    /// let monitor = ResourceMonitor::default();
    /// let requests = monitor.counter("requests", "{request}", "Requests answered.")?;
    /// let failed = requests.labels([("status", "500")])?;
    /// requests.labels([("status", "200")])?.add(9.0);
    /// failed.add(1.0);
    /// assert_eq!(monitor.query(r#"requests{status="500"}:sum / requests:sum"#, 60.0)?, Some(0.1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn counter(&self, name: &str, unit: &str, help: &str) -> Result<Counter> {
        Ok(Counter::new(self.clone(), self.inner.core.declare(Kind::Counter, name, unit, help)?))
    }

    /// Declares a gauge: a value that goes up and down, such as the length of a queue. Otherwise as
    /// [`counter`](Self::counter).
    ///
    /// # Errors
    ///
    /// As [`counter`](Self::counter).
    ///
    /// ```
    /// # fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
    /// use mtaio_monitoring::ResourceMonitor;
    ///
    /// let monitor = ResourceMonitor::default();
    /// let connections = monitor.gauge("connections", "{connection}", "Connections that are open.")?;
    /// connections.set(3.0);
    /// connections.add(-1.0);
    /// assert_eq!(monitor.metric("connections")?, 2.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn gauge(&self, name: &str, unit: &str, help: &str) -> Result<Gauge> {
        Ok(Gauge::new(self.clone(), self.inner.core.declare(Kind::Gauge, name, unit, help)?))
    }

    /// Declares a histogram: values of which the distribution is asked for, such as durations. Otherwise as
    /// [`counter`](Self::counter).
    ///
    /// # Errors
    ///
    /// As [`counter`](Self::counter).
    ///
    /// ```
    /// # fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
    /// use mtaio_monitoring::ResourceMonitor;
    ///
    /// let monitor = ResourceMonitor::default();
    /// let duration = monitor.histogram("request_duration", "s", "Time that a request took.")?;
    /// let cart = duration.labels([("route", "/cart")])?;
    /// (1..=100).for_each(|milliseconds| cart.record(f64::from(milliseconds) / 1e3));
    /// let p99 = monitor.query(r#"request_duration{route="/cart"}:p99"#, 60.0)?.unwrap();
    /// assert!((p99 - 0.099).abs() <= 0.099 * 0.0109);
    /// # Ok(())
    /// # }
    /// ```
    pub fn histogram(&self, name: &str, unit: &str, help: &str) -> Result<Histogram> {
        Ok(Histogram::new(self.clone(), self.inner.core.declare(Kind::Histogram, name, unit, help)?))
    }

    /// As [`histogram`](Self::histogram), with upper bounds at which values are counted exactly besides: the `le` buckets
    /// of a classic Prometheus histogram, such as the limits of a service level.
    ///
    /// # Errors
    ///
    /// As [`counter`](Self::counter), and unless the bounds are 1 to 100 finite numbers in ascending order, and the same as
    /// before.
    ///
    /// ```
    /// # fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
    /// use mtaio_monitoring::ResourceMonitor;
    ///
    /// let monitor = ResourceMonitor::default();
    /// let duration = monitor.histogram_with_bounds("request_duration", "s", "", &[0.1, 0.3])?;
    /// [0.1, 0.2, 0.3, 0.301].into_iter().for_each(|seconds| duration.record(seconds));
    /// let classic = monitor.recorded()[0].classic.clone().unwrap();
    /// assert_eq!((classic.buckets, classic.count), (vec![(0.1, 1), (0.3, 3)], 4));
    /// # Ok(())
    /// # }
    /// ```
    pub fn histogram_with_bounds(&self, name: &str, unit: &str, help: &str, bounds: &[f64]) -> Result<Histogram> {
        let declaration = Declaration::new(Kind::Histogram, unit, help)?.with_bounds(bounds)?;
        Ok(Histogram::new(self.clone(), self.inner.core.declare_as(name, declaration)?))
    }

    /// As [`record`](Self::record), into the series of the metric that has these labels. It looks the series up; a handle
    /// ([`Histogram::labels`] and the like) need not.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record), and for a label without a name.
    pub fn record_with<N, V>(&self, name: &str, value: f64, labels: impl IntoIterator<Item = (N, V)>) -> Result<()>
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        if self.inner.core.record_with(name, value, &Labels::new(labels))? {
            self.inner.deliver();
        }
        Ok(())
    }

    /// The value of an expression over the newest `window_seconds`; see
    /// [`MonitorCore::query`](super::MonitorCore::query).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn query(&self, expression: &str, window_seconds: f64) -> Result<Option<f64>> {
        self.inner.core.query(expression, window_seconds)
    }

    /// One value for each distinct set of the labels that the expression is `by`; see
    /// [`MonitorCore::query_by`](super::MonitorCore::query_by).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn query_by(&self, expression: &str, window_seconds: f64) -> Result<Vec<(Labels, Option<f64>)>> {
        self.inner.core.query_by(expression, window_seconds)
    }

    /// What a metric did in the newest `window_seconds`, or since its first value; see
    /// [`MonitorCore::summary`](super::MonitorCore::summary).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn summary(&self, name: &str, window_seconds: Option<f64>, labels: Option<&Labels>) -> Result<Summary> {
        self.inner.core.summary(name, window_seconds, labels)
    }
}
