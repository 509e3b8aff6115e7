//! This process, as a reader sees it.

use super::ratio;
use crate::rates::Interval;
use crate::rates::packed::{Packed32, Packed64};

/// This process: all of its threads, and none of its children but where it is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessStats {
    /// Processor time used, in percent of one processor: psutil's `Process.cpu_percent`. With several threads it may
    /// exceed 100.
    pub cpu_percent: Option<f64>,
    /// The part of `cpu_percent` in user mode. The two parts are the kernel's estimate, their sum is exact.
    pub cpu_user_percent: Option<f64>,
    /// The part of `cpu_percent` in the kernel.
    pub cpu_system_percent: Option<f64>,
    /// Processors' worth of time used: `cpu_percent / 100`.
    pub cpu_cores_used: Option<f64>,
    /// Processor time used since the start, in seconds.
    pub cpu_seconds: Option<f64>,
    /// The part of it in user mode, by the kernel's estimate.
    pub cpu_user_seconds: Option<f64>,
    /// The part of it in the kernel.
    pub cpu_system_seconds: Option<f64>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Address space.
    pub vms_bytes: Option<u64>,
    /// Resident memory that is backed by files or shared memory; read every 5 s.
    pub shared_bytes: Option<u64>,
    /// Resident memory with each page divided by the number of processes that share it; read every 30 s, and not above
    /// 1 GiB of resident memory, because it costs a walk through every page.
    pub pss_bytes: Option<u64>,
    /// Operating-system threads.
    pub threads: Option<u32>,
    /// Open descriptors; counted every 5 s.
    pub open_descriptors: Option<u64>,
    /// How many there may be; `None` where there is no limit.
    pub descriptor_limit: Option<u64>,
    /// `100 * open_descriptors / descriptor_limit`.
    pub descriptor_percent: Option<f64>,
    /// Times that a thread waited for something and gave its processor up.
    pub voluntary_switches: Option<u64>,
    /// Times that a thread was made to give its processor up.
    pub involuntary_switches: Option<u64>,
    /// The same a second.
    pub voluntary_switches_per_second: Option<f64>,
    /// The same a second.
    pub involuntary_switches_per_second: Option<f64>,
    /// Page faults that needed no disk.
    pub minor_faults: Option<u64>,
    /// Page faults that waited for a disk.
    pub major_faults: Option<u64>,
    /// The same a second.
    pub minor_faults_per_second: Option<f64>,
    /// The same a second.
    pub major_faults_per_second: Option<f64>,
    /// Bytes fetched from storage, by this process and the children that it has waited for.
    pub read_bytes: Option<u64>,
    /// Bytes sent to storage, less those that were cancelled before they got there; children likewise.
    pub write_bytes: Option<u64>,
    /// Bytes that reads returned, of caches, pipes and sockets too; children likewise.
    pub read_characters: Option<u64>,
    /// Bytes given to writes; children likewise.
    pub write_characters: Option<u64>,
    /// `read_bytes` a second. A child that has just been waited for counts as if all of it were of this moment.
    pub read_bytes_per_second: Option<f64>,
    /// `write_bytes` a second.
    pub write_bytes_per_second: Option<f64>,
    /// `read_characters` a second.
    pub read_characters_per_second: Option<f64>,
    /// `write_characters` a second.
    pub write_characters_per_second: Option<f64>,
    /// When it started, in seconds since the epoch, to a hundredth.
    pub start_time: Option<f64>,
    /// Seconds since then, time asleep included.
    pub uptime_seconds: Option<f64>,
}

pub(super) fn process_stats(interval: &Interval) -> ProcessStats {
    let Interval { process, process_time: time, process_memory: memory, process_events: events, .. } = interval;
    let io = &interval.process_io;
    let elapsed_ns = process.elapsed_ns.get();
    let seconds = |ns: Packed64| ns.get().map(|ns| ns as f64 / 1e9);
    let rate = |count: Packed32| ratio(count.get().map(u64::from), elapsed_ns).map(|rate| 1e9 * rate);
    let io_rate = |count: Packed64| ratio(count.get(), events.io_elapsed_ns.get()).map(|rate| 1e9 * rate);
    let cores = ratio(process.delta_cpu_ns.get(), elapsed_ns);
    // The sum is exact, its halves are not (P7): they only say how to divide it.
    let (user, system) = (time.delta_user_ns.get(), time.delta_system_ns.get());
    let both = user.zip(system).map(|(user, system)| user.saturating_add(system));
    let part = |half: Option<u64>| Some(100.0 * cores? * ratio(half, both)?.min(1.0));
    ProcessStats {
        cpu_percent: cores.map(|cores| 100.0 * cores),
        cpu_user_percent: part(user),
        cpu_system_percent: part(system),
        cpu_cores_used: cores,
        cpu_seconds: seconds(time.cpu_ns),
        cpu_user_seconds: seconds(time.user_ns),
        cpu_system_seconds: seconds(time.system_ns),
        rss_bytes: memory.rss_bytes.get(),
        vms_bytes: memory.vms_bytes.get(),
        shared_bytes: memory.shared_bytes.get(),
        pss_bytes: memory.pss_bytes.get(),
        threads: interval.cpu.threads.get(),
        open_descriptors: events.open_descriptors.get(),
        descriptor_limit: events.descriptor_limit.get(),
        descriptor_percent: ratio(events.open_descriptors.get(), events.descriptor_limit.get())
            // A limit may be lowered below what is open.
            .map(|share| (100.0 * share).min(100.0)),
        voluntary_switches: events.voluntary_switches.get(),
        involuntary_switches: events.involuntary_switches.get(),
        voluntary_switches_per_second: rate(events.delta_voluntary_switches),
        involuntary_switches_per_second: rate(events.delta_involuntary_switches),
        minor_faults: memory.minor_faults.get(),
        major_faults: memory.major_faults.get(),
        minor_faults_per_second: rate(memory.delta_minor_faults),
        major_faults_per_second: rate(memory.delta_major_faults),
        read_bytes: io.read_bytes.get(),
        write_bytes: io.written_bytes.get(),
        read_characters: io.rchar.get(),
        write_characters: io.wchar.get(),
        read_bytes_per_second: io_rate(io.delta_read_bytes),
        write_bytes_per_second: io_rate(io.delta_written_bytes),
        read_characters_per_second: io_rate(io.delta_rchar),
        write_characters_per_second: io_rate(io.delta_wchar),
        start_time: seconds(time.started_ns),
        uptime_seconds: seconds(time.uptime_ns),
    }
}
