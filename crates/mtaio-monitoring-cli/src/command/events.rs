//! What a monitor has to tell, on the standard error: the standard output is for what was asked for.

use std::io::{self, Write};

use mtaio_monitoring::export::writing::printable::printable;
use mtaio_monitoring::monitor::{Event, MonitorCore};

/// Prints the alerts and notices that have come since the last call.
pub(super) fn print_events(monitor: &MonitorCore) {
    for event in monitor.drain_events() {
        let text = match event {
            Event::Exceeded(alert) | Event::Cleared(alert) | Event::Raised(alert) => alert.message,
            Event::NoData(text) | Event::Notice(text) | Event::Fault(text) => text,
            // The command has no pressure rules.
            Event::Pressure { .. } => continue,
        };
        // Samples go on where nobody reads the alerts.
        let _ = writeln!(io::stderr(), "mtaio: {}", printable(&text));
    }
}
