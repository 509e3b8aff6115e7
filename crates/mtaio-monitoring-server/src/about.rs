//! Who is served: what the head of the page says.

use mtaio_monitoring::monitor::MonitorCore;
use mtaio_monitoring::sampling::host_name;
use serde_json::{Value, json};

pub(crate) fn about_json(monitor: &MonitorCore, has_profiler: bool) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"), "hostname": host_name(), "pid": std::process::id(),
        "interval_seconds": monitor.config().interval_seconds(), "is_running": monitor.is_running(),
        "profiler": has_profiler,
    })
}
