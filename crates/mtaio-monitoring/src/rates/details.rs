//! What there is one of for each processor, disk, interface and file system.

use crate::sampling::RawSample;

use super::stats::{
    CoreStats, DiskStats, FilesystemStats, InterfaceStats, SystemStats, core_stats, disk_stats, filesystem_stats,
    interface_stats,
};

/// The lists that belong to a reading. They are made only for a reading that somebody asks for: a row of the history is
/// of one size whatever the machine has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Processors that are online, in the order of their numbers.
    pub cores: Option<Vec<CoreStats>>,
    /// Block devices, in the kernel's order.
    pub disks: Option<Vec<DiskStats>>,
    /// Network interfaces, in the kernel's order.
    pub interfaces: Option<Vec<InterfaceStats>>,
    /// Mounted file systems, in the order in which they are mounted.
    pub filesystems: Option<Vec<FilesystemStats>>,
}

impl Details {
    /// Joins two readings. What is not in the `baseline` has levels but no rates (P1, P5, P27).
    #[must_use]
    pub fn between(baseline: Option<&RawSample>, now: &RawSample) -> Self {
        Self {
            cores: now.cpu.as_ref().map(|cpu| {
                let before = baseline.and_then(|before| before.cpu.as_ref());
                core_stats(before.map(|before| &before.value), &cpu.value)
            }),
            disks: now
                .disks
                .as_ref()
                .map(|disks| disk_stats(baseline.and_then(|before| before.disks.as_ref()), disks)),
            interfaces: now
                .network
                .as_ref()
                .map(|network| interface_stats(baseline.and_then(|before| before.network.as_ref()), network)),
            filesystems: now.filesystems.as_ref().map(|filesystems| filesystem_stats(&filesystems.value)),
        }
    }

    /// Puts the lists into the statistics of the same reading.
    pub fn complete(self, stats: &mut SystemStats) {
        stats.cpu.cores = self.cores;
        stats.io.devices = self.disks;
        stats.network.interfaces = self.interfaces;
        stats.filesystems = self.filesystems;
    }
}
