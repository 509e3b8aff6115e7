//! The interfaces of this process's network namespace: their counters, and what they are.

use std::path::Path;

use super::file::{KeptFile, Records};
use super::interface_kinds::InterfaceKinds;
use super::paced::PACE_NS;
use super::{Origin, netdev};
use crate::clock::{Clock, Instant3};
use crate::sampling::{RawNetwork, Section, SectionHealth, Timed};

/// `/proc/net` leads to `/proc/self/net`; the descriptor stays with the namespace in which it was opened.
#[derive(Debug)]
pub(super) struct Network {
    file: Origin,
    kinds: InterfaceKinds,
    /// A kernel without networking is not asked at each sample.
    again_at_ns: u64,
}

impl Network {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            file: Origin::new(KeptFile::new(root.join("proc/net/dev"), Records::ManyShort)),
            kinds: InterfaceKinds::new(root.join("sys/class/net")),
            again_at_ns: 0,
        }
    }

    pub(super) fn read(
        &mut self,
        now: Instant3,
        buffer: &mut Vec<u8>,
        clock: &Clock,
        slot: &mut Option<Timed<RawNetwork>>,
    ) {
        let now_ns = now.monotonic_ns;
        if now_ns < self.again_at_ns {
            *slot = None;
            return;
        }
        self.file.read(buffer, clock, slot, netdev::parse);
        match slot {
            Some(network) => self.kinds.assign(&mut network.value.interfaces),
            None => self.again_at_ns = now_ns.saturating_add(PACE_NS),
        }
    }

    pub(super) fn health(&self, section: Section) -> SectionHealth {
        self.file.health(section)
    }

    pub(super) fn failures(&self) -> u64 {
        self.file.failures
    }
}
