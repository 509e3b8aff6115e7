//! Two readings and what is made of them: the pitfalls by their numbers in `sampling.md`, then every number against
//! an oracle that computes it from scratch.

mod biggest;
mod container;
mod cores;
mod cpu;
mod devices;
mod disks;
mod memory;
mod network;
mod oracle;
mod pressure;
mod processes;
mod properties;
mod space;
mod windows;

use mtaio_monitoring::clock::{Instant3, NANOS_PER_SECOND};
use mtaio_monitoring::rates::{Interval, SystemStats};
use mtaio_monitoring::sampling::{CpuTimes, RawCpu, RawDisk, RawDisks, RawMemory, RawSample, Timed};

/// A reading of nothing, `seconds` after boot.
fn at(seconds: u64) -> RawSample {
    let ns = seconds * NANOS_PER_SECOND;
    RawSample { clock: Instant3 { monotonic_ns: ns, boottime_ns: ns, realtime_ns: ns }, ..RawSample::default() }
}

fn timed<T>(raw: &RawSample, value: T) -> Option<Timed<T>> {
    Some(Timed { read_at_ns: raw.clock.monotonic_ns, value })
}

fn with_cpu(mut raw: RawSample, times: [u64; 10]) -> RawSample {
    let total = CpuTimes(times);
    raw.cpu = timed(&raw, RawCpu { total, cores: vec![(0, total)] });
    raw
}

fn with_disks(mut raw: RawSample, devices: Vec<RawDisk>) -> RawSample {
    raw.disks = timed(&raw, RawDisks { devices });
    raw
}

fn with_memory(mut raw: RawSample, memory: RawMemory) -> RawSample {
    raw.memory = timed(&raw, memory);
    raw
}

fn stats(before: &RawSample, now: &RawSample) -> SystemStats {
    SystemStats::from(&Interval::between(Some(before), now))
}
