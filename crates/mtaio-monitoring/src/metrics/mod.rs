//! What the application records, and what is known about the metrics that the monitor measures by itself.
//!
//! A recorded metric must cost the application next to nothing and must still answer "what was the 99th
//! percentile?". Keeping the values costs memory without end; keeping averages loses the answer. So each metric is
//! a [`Series`]: its last value beside a [`Sketch`], a histogram whose buckets grow by 2.2 % each. Recording is
//! lock-free and writes memory of the recording thread only, a [`Registry`] finds series by name and [`Labels`] and bounds
//! how many there are, and [`SketchSnapshot`] is the plain copy that answers quantiles, merges and exports.

pub mod catalogue;
pub(crate) mod exposed;

mod bucket_index;
mod buckets;
mod delta;
mod formats;
mod labels;
mod metric;
mod own_bounds;
mod registry;
mod series;
mod sketch;
mod summary;
mod tally;
mod thread_slot;

pub(crate) use buckets::FINE_SCALE;
pub use buckets::{Buckets, SCALE, SketchSnapshot};
pub use formats::{ClassicHistogram, NativeHistogram, OTLP_MAX_BUCKETS, PROMETHEUS_SCHEMAS, Span};
pub use labels::Labels;
pub(crate) use labels::Quoted;
pub use metric::{Declaration, Metric};
pub use registry::{DEFAULT_SERIES_LIMIT, Found, METRIC_SERIES_LIMIT, Registry};
pub use series::{Series, SeriesSnapshot};
pub use sketch::Sketch;
pub use summary::Summary;
pub(crate) use tally::Tally;
