//! What a monitor tells over HTTP: the scrape of Prometheus, and samples, metrics and alerts as JSON.
//!
//! The server runs on one native thread of its own, so that it answers while the host's event loop is blocked, and
//! reads what the core knows; it measures nothing and asks the system for nothing.
//!
//! The obvious server, a few routes on the host's own loop, is open to whoever finds it. This one is closed unless it is
//! opened: it listens on the loopback only, and elsewhere only with a token; it answers only who asks for a name that it
//! has (a page of somebody else's whose name was made to lead here does not), and allows no page to read its answers.
//! How many connections there are, how long a head is and how long a client takes have bounds.
//!
//! ```
//! use mtaio_monitoring::ResourceMonitor;
//! use mtaio_monitoring_server::Monitored;
//!
//! let monitor = ResourceMonitor::builder().build()?;
//! let server = monitor.serve().start()?;
//! println!("curl {}metrics", server.url());
//! server.close();
//! # Ok::<(), mtaio_monitoring::MonitoringError>(())
//! ```

mod about;
mod accepted;
mod answers;
mod builder;
mod connection;
mod gate;
mod guard;
mod held;
mod monitored;
mod operations;
mod options;
mod page;
mod patient;
mod profile;
mod ranges;
mod seen;
mod server;
mod shown;
mod stream;

pub use builder::Builder;
pub use monitored::Monitored;
pub use options::Options;
pub use server::Server;
