//! P2 to P5 and P21 to P28, processor by processor and disk by disk.

use mtaio_monitoring::rates::{CoreStats, Details, DiskStats};
use mtaio_monitoring::sampling::{CpuTimes, DiskKind, RawCpu, RawDisk, RawSample};

use super::{at, timed, with_disks};
use crate::machine::disk;

const UNKNOWN: u64 = CpuTimes::UNKNOWN;

fn with_cores(mut raw: RawSample, cores: &[(u32, [u64; 10])]) -> RawSample {
    let cores = cores.iter().map(|(number, times)| (*number, CpuTimes(*times))).collect();
    raw.cpu = timed(&raw, RawCpu { total: CpuTimes::default(), cores });
    raw
}

fn cores(before: &RawSample, now: &RawSample) -> Vec<CoreStats> {
    Details::between(Some(before), now).cores.unwrap()
}

fn disks(before: &RawSample, now: &RawSample) -> Vec<DiskStats> {
    Details::between(Some(before), now).disks.unwrap()
}

fn busy_and_idle(busy: u64, idle: u64) -> [u64; 10] {
    [busy, 0, 0, idle, 0, 0, 0, 0, 0, 0]
}

#[test]
fn p3_each_core_has_shares_of_its_own() {
    let before = with_cores(at(10), &[(0, [0; 10]), (1, [0; 10])]);
    let now = with_cores(at(11), &[(0, [10, 5, 15, 50, 5, 3, 2, 10, 4, 1]), (1, busy_and_idle(0, 100))]);
    let found = cores(&before, &now);
    let some = Some;
    let first = CoreStats {
        number: 0,
        usage_percent: some(35.0),
        user_percent: some(10.0),
        nice_percent: some(5.0),
        system_percent: some(15.0),
        idle_percent: some(50.0),
        iowait_percent: some(5.0),
        irq_percent: some(3.0),
        softirq_percent: some(2.0),
        steal_percent: some(10.0),
        guest_percent: some(4.0),
        guest_nice_percent: some(1.0),
    };
    assert_eq!(found[0], first);
    assert_eq!((found[1].number, found[1].usage_percent), (1, Some(0.0)));
}

#[test]
fn p5_cores_are_known_by_their_number_and_a_new_one_has_no_value() {
    let before = with_cores(at(10), &[(0, busy_and_idle(0, 0)), (3, busy_and_idle(500, 500))]);
    let now = with_cores(
        at(11),
        &[(0, busy_and_idle(0, 100)), (2, busy_and_idle(90, 10)), (3, busy_and_idle(575, 525))],
    );
    let usage: Vec<_> = cores(&before, &now).iter().map(|core| (core.number, core.usage_percent)).collect();
    assert_eq!(usage, [(0, Some(0.0)), (2, None), (3, Some(75.0))]);
    // And the one that has gone is not there.
    let later = with_cores(at(12), &[(3, busy_and_idle(575, 625))]);
    let usage: Vec<_> = cores(&now, &later).iter().map(|core| (core.number, core.usage_percent)).collect();
    assert_eq!(usage, [(3, Some(0.0))]);
}

#[test]
fn p4_a_core_whose_idle_time_goes_far_back_begins_anew() {
    let before = with_cores(at(10), &[(0, busy_and_idle(10, 5_000))]);
    let reset = with_cores(at(11), &[(0, busy_and_idle(60, 4_700))]);
    assert_eq!(cores(&before, &reset)[0].usage_percent, None);
    // A little is the kernel's jitter.
    let jitter = with_cores(at(11), &[(0, busy_and_idle(60, 4_999))]);
    assert_eq!(cores(&before, &jitter)[0].usage_percent, Some(100.0));
}

#[test]
fn a_mode_that_the_system_does_not_count_has_no_share() {
    // Four modes, as before Linux 2.5.41.
    let four = |user, idle| [user, 0, 0, idle, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
    let old = &cores(&with_cores(at(10), &[(0, four(0, 0))]), &with_cores(at(11), &[(0, four(25, 75))]))[0];
    assert_eq!((old.usage_percent, old.user_percent, old.system_percent), (Some(25.0), Some(25.0), Some(0.0)));
    assert_eq!((old.iowait_percent, old.steal_percent, old.guest_percent), (None, None, None));
    // Busy and idle alone, as the portable source has them: busy is not user.
    let two = |busy, idle| [busy, UNKNOWN, UNKNOWN, idle, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
    let portable = &cores(&with_cores(at(10), &[(0, two(0, 0))]), &with_cores(at(11), &[(0, two(25, 75))]))[0];
    assert_eq!((portable.usage_percent, portable.idle_percent), (Some(25.0), Some(75.0)));
    assert_eq!((portable.user_percent, portable.system_percent), (None, None));
}

#[test]
fn p26_a_disk_tells_latency_utilisation_and_the_depth_of_its_queue() {
    let before = with_disks(at(10), vec![disk("sda", 0)]);
    let after = RawDisk {
        reads: Some(20),
        read_ms: Some(100),
        writes: Some(4),
        write_ms: Some(2),
        busy_ms: Some(500),
        weighted_ms: Some(3_000),
        in_flight: Some(7),
        flushes: Some(2),
        flush_ms: Some(30),
        discards: Some(2),
        discard_sectors: Some(16),
        ..disk("sda", 0)
    };
    let disk = &disks(&before, &with_disks(at(12), vec![after]))[0];
    assert_eq!((disk.read_latency_seconds, disk.write_latency_seconds), (Some(0.005), Some(0.0005)));
    assert_eq!((disk.utilisation_percent, disk.queue_depth, disk.in_flight), (Some(25.0), Some(1.5), Some(7)));
    assert_eq!((disk.flush_count_per_second, disk.flush_latency_seconds), (Some(1.0), Some(0.015)));
    assert_eq!((disk.discard_bytes, disk.discard_bytes_per_second), (Some(16 * 512), Some(8.0 * 512.0)));
}

#[test]
fn p26_the_busiest_whole_disk_is_the_machines_utilisation() {
    let busy = |name: &str, kind, busy_ms| RawDisk { kind, busy_ms: Some(busy_ms), ..disk(name, 0) };
    let reading = |raw, sda, sdb, md| {
        let devices = vec![
            busy("sda", DiskKind::Whole, sda),
            busy("sdb", DiskKind::Whole, sdb),
            busy("md0", DiskKind::Stacked, md),
        ];
        with_disks(raw, devices)
    };
    let (before, now) = (reading(at(10), 0, 0, 0), reading(at(11), 100, 250, 900));
    assert_eq!(super::stats(&before, &now).io.utilisation_percent, Some(25.0));
    // More than all of the time is rounding of the kernel's ticks.
    let over = reading(at(11), 100, 1_004, 0);
    assert_eq!(super::stats(&before, &over).io.utilisation_percent, Some(100.0));
    assert_eq!(disks(&before, &over)[1].utilisation_percent, Some(100.0));
    // An old partition has no such counter: nothing is measured, and that is not 0.
    let blind = with_disks(at(11), vec![RawDisk { busy_ms: None, ..disk("sda", 0) }]);
    assert_eq!(super::stats(&before, &blind).io.utilisation_percent, None);
}

#[test]
fn p25_milliseconds_of_each_disk_wrap_by_themselves() {
    let before =
        with_disks(at(10), vec![RawDisk { busy_ms: Some((1 << 32) - 100), ..disk("sda", 0) }, disk("sdb", 0)]);
    let now = with_disks(at(11), vec![RawDisk { busy_ms: Some(400), ..disk("sda", 0) }, disk("sdb", 250)]);
    let found: Vec<_> = disks(&before, &now).iter().map(|disk| disk.utilisation_percent).collect();
    assert_eq!(found, [Some(50.0), Some(25.0)]);
}

#[test]
fn p27_p28_a_disk_that_comes_or_was_changed_has_levels_and_no_rates() {
    let before = with_disks(at(10), vec![disk("sda", 500), disk("sdb", 500), disk("sdd", 1)]);
    let swapped = RawDisk { device: (259, 9), ..disk("sdb", 900) };
    let now = with_disks(at(11), vec![disk("sda", 20), swapped, disk("sdc", 7)]);
    let found = disks(&before, &now);
    let names: Vec<_> = found.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["sda", "sdb", "sdc"], "the one that has gone is not there");
    for disk in found {
        assert!(disk.read_bytes.is_some() && disk.read_count.is_some());
        let rates = [
            disk.read_bytes_per_second,
            disk.write_count_per_second,
            disk.read_latency_seconds,
            disk.utilisation_percent,
            disk.queue_depth,
            disk.flush_count_per_second,
        ];
        assert_eq!(rates, [None; 6], "{}", disk.name);
    }
}

#[test]
fn p24_what_an_old_kernel_does_not_count_is_none() {
    let old = |reads| RawDisk { read_sectors: reads, reads: Some(reads), device: (3, 1), ..RawDisk::default() };
    let found = &disks(&with_disks(at(10), vec![old(10)]), &with_disks(at(11), vec![old(30)]))[0];
    assert_eq!((found.read_count_per_second, found.read_bytes_per_second), (Some(20.0), Some(20.0 * 512.0)));
    assert_eq!((found.read_latency_seconds, found.utilisation_percent, found.queue_depth), (None, None, None));
    assert_eq!((found.discard_count, found.flush_count, found.in_flight), (None, None, None));
}

#[test]
fn virtual_devices_that_nobody_uses_are_not_listed() {
    let unused = RawDisk { kind: DiskKind::Virtual, ..disk("loop0", 0) };
    let used = RawDisk { kind: DiskKind::Virtual, ..disk("loop1", 8) };
    let now = with_disks(at(11), vec![unused, used, disk("sda", 0)]);
    let names: Vec<_> = disks(&at(10), &now).into_iter().map(|disk| disk.name).collect();
    assert_eq!(names, ["loop1", "sda"]);
}
