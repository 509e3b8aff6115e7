//! The machine as a whole, raw.

use super::Timed;

/// What `/proc/stat` says after the processors and the interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawActivity {
    /// Context switches since boot.
    pub context_switches: Option<u64>,
    /// When the machine booted, in seconds since the epoch.
    pub boot_seconds: Option<u64>,
    /// Processes and threads made since boot.
    pub processes_created: Option<u64>,
    /// Tasks that wait for a device; `None` also while the kernel's counters disagree and it prints 2^64 - 1 (P39).
    pub processes_blocked: Option<u64>,
}

/// Bytes moved between memory and swap since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawSwapping {
    /// Read back from swap.
    pub in_bytes: u64,
    /// Written to swap.
    pub out_bytes: u64,
}

/// File handles of the whole machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawFileHandles {
    /// In use.
    pub used: u64,
    /// How many there may be; `None` where the limit is no limit.
    pub max: Option<u64>,
}

/// The machine as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawHost {
    /// Nanoseconds since boot, those asleep included.
    pub uptime_ns: Option<u64>,
    /// What the machine does.
    pub activity: RawActivity,
    /// File handles, looked at from time to time.
    pub file_handles: Option<RawFileHandles>,
    /// Swapping, looked at from time to time.
    pub swapping: Option<Timed<RawSwapping>>,
    /// The look before that one: a baseline of its own, because samples between two looks repeat the newer one.
    pub swapping_before: Option<Timed<RawSwapping>>,
}
