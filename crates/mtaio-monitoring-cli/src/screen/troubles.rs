//! What went wrong inside the monitor, in words: nothing that was dropped or could not be read stays hidden.

use mtaio_monitoring::monitor::HealthReport;

use crate::tally::counted;
use mtaio_monitoring::export::writing::printable::{fit, printable};

/// Columns that a name takes at most.
const NAME_COLUMNS: usize = 40;

/// One phrase for each thing that went wrong; none where all is well. Missed ticks are told elsewhere.
pub(crate) fn troubles(health: &HealthReport) -> Vec<String> {
    let mut troubles = Vec::new();
    let mut count = |count: u64, noun: &str, what: &str| {
        if count > 0 {
            troubles.push(format!("{}{what}", counted(count, noun)));
        }
    };
    count(health.panics, "bug", " caught");
    count(health.handler_errors, "handler error", "");
    count(health.dropped_calls, "handler call", " dropped");
    count(health.dropped_events, "alert", " dropped");
    count(health.dropped_values, "value", " dropped: not finite");
    count(health.dropped_names, "value", " dropped: too many names");
    troubles.extend(
        health.thresholds_without_data.iter().map(|metric| format!("no data for {}", fit(metric, NAME_COLUMNS))),
    );
    // A section that failed once and reads well again is no trouble any more, but nothing here says which it is; a
    // section that never gave anything surely is.
    // Nor is one that many a sound system does not have.
    let needed = health.sections.iter().filter(|section| !section.section.is_optional());
    let dead = needed.filter(|section| section.reads > 0 && section.failures == section.reads);
    troubles.extend(dead.map(|section| match &section.last_error {
        Some(error) => format!("no {}: {}", section.section.name(), printable(error)),
        None => format!("no {}", section.section.name()),
    }));
    troubles
}
