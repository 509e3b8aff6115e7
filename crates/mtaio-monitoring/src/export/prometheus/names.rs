//! What the families of a scrape are called: no two the same, whatever the program has called them.

use std::collections::{HashMap, HashSet};

use crate::metrics::catalogue::Kind;
use crate::metrics::exposed::{BaseUnit, stem};

/// One metric, as it is told.
pub(super) struct Family {
    /// Without the endings of its samples.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) unit: BaseUnit,
}

impl Family {
    /// Whether its name ends in its unit, and so says it.
    pub(super) fn has_unit(&self) -> bool {
        let word = self.unit.word;
        !word.is_empty() && self.name.strip_suffix(word).is_some_and(|stem| stem.ends_with('_'))
    }
}

/// The names that are taken.
#[derive(Default)]
pub(super) struct Names {
    /// Every name that a sample or a family has by now.
    taken: HashSet<String>,
    /// How many there are of a name that several would have.
    numbers: HashMap<String, usize>,
}

impl Names {
    /// A family of this metric, under a name which nothing else has; without the `_total` that the samples of a counter end
    /// in.
    pub(super) fn family(&mut self, wanted: &str, kind: Kind, unit: &str) -> Family {
        let unit = BaseUnit::of(unit);
        let stem = stem(wanted, kind);
        let endings: &[&str] = match kind {
            Kind::Counter => &["", "_total", "_created"],
            Kind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
            Kind::Gauge | Kind::Untyped => &[""],
        };
        let mut name = unit.at_the_end_of(&stem);
        loop {
            let all = || endings.iter().map(|ending| format!("{name}{ending}"));
            if !all().any(|one| self.taken.contains(&one)) {
                self.taken.extend(all().collect::<Vec<_>>());
                return Family { name, kind, unit };
            }
            // Counted, so that ten thousand names that become the same do not try each other's numbers.
            let number = self.numbers.entry(stem.clone().into_owned()).or_insert(1);
            *number += 1;
            name = unit.at_the_end_of(&format!("{stem}_{number}"));
        }
    }
}
