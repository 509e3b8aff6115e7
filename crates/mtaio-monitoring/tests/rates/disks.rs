//! P21 to P28: what the disks did.

use mtaio_monitoring::rates::{DiskDelta, IoStats, disk_delta};
use mtaio_monitoring::sampling::{DiskKind, RawDisk, RawDisks};

use super::{at, stats, with_disks};
use crate::machine::disk;

fn disks(devices: &[RawDisk]) -> RawDisks {
    RawDisks { devices: devices.to_vec() }
}

fn of_kind(kind: DiskKind, name: &str, count: u64) -> RawDisk {
    RawDisk { kind, ..disk(name, count) }
}

/// Every counter of one disk grew by `count`.
fn all(count: u64) -> Option<DiskDelta> {
    let some = Some(count);
    Some(DiskDelta {
        read_sectors: count,
        write_sectors: count,
        reads: some,
        writes: some,
        read_ms: some,
        write_ms: some,
    })
}

#[test]
fn p21_a_sector_is_512_bytes_whatever_the_disk_says() {
    let before = with_disks(at(10), vec![disk("sda", 1_000)]);
    let now = with_disks(at(12), vec![disk("sda", 1_008)]);
    let io = stats(&before, &now).io;
    assert_eq!(io.read_bytes, Some(1_008 * 512));
    assert_eq!(io.write_bytes, Some(1_008 * 512));
    assert_eq!(io.read_bytes_per_second, Some(4.0 * 512.0));
    assert_eq!(io.write_count_per_second, Some(4.0));
}

#[test]
fn p22_p23_only_whole_disks_are_summed() {
    use DiskKind::{Partition, Stacked, Virtual, Whole};
    let count = [(Whole, "sda"), (Partition, "sda1"), (Stacked, "dm-0"), (Virtual, "loop0"), (Whole, "sdb")];
    let reading = |by: u64| {
        let devices = count.map(|(kind, name)| of_kind(kind, name, 1_000 + by));
        devices.to_vec()
    };
    let io = stats(&with_disks(at(10), reading(0)), &with_disks(at(11), reading(10))).io;
    assert_eq!(io.read_count, Some(2 * 1_010));
    assert_eq!(io.read_count_per_second, Some(20.0));
}

#[test]
fn p22_a_machine_without_disks_did_nothing_and_that_is_measured() {
    let partition = vec![of_kind(DiskKind::Partition, "sda1", 7)];
    for devices in [Vec::new(), partition] {
        let io = stats(&with_disks(at(10), devices.clone()), &with_disks(at(11), devices)).io;
        assert_eq!((io.read_bytes, io.write_count), (Some(0), Some(0)));
        assert_eq!(io.read_bytes_per_second, Some(0.0));
        assert_eq!(io.read_latency_seconds, None, "no read, so none took any time");
    }
}

#[test]
fn p25_milliseconds_wrap_at_32_bits_if_the_step_is_small_and_else_were_reset() {
    const RANGE: u64 = 1 << 32;
    let step = |before: u64, now: u64| {
        let at = |read_ms| RawDisk { read_ms: Some(read_ms), ..disk("sda", 0) };
        disk_delta(&disks(&[at(before)]), &disks(&[at(now)])).and_then(|delta| delta.read_ms)
    };
    assert_eq!(step(RANGE - 10, 5), Some(15), "wrapped");
    assert_eq!(step(RANGE - 1, 0), Some(1));
    assert_eq!(step(RANGE / 2, 5), None, "half the range in one step is a reset");
    assert_eq!(step(RANGE - 10, RANGE / 2), None);
    let tenth = RANGE / 10;
    assert_eq!(step(RANGE - tenth + 1, 0), Some(tenth - 1));
    assert_eq!(step(RANGE - tenth, 0), None, "too far from the edge");
    assert_eq!(step(RANGE - 1, tenth - 1), Some(tenth));
    assert_eq!(step(RANGE - 1, tenth), None, "too far beyond it");
    assert_eq!(step(1_000, 900), None);
    assert_eq!(step(RANGE + 10, 5), None, "what is beyond 32 bits does not wrap there");
    assert_eq!(step(5, RANGE - 10), Some(RANGE - 15), "forwards is growth");
}

#[test]
fn p25_a_reset_of_one_counter_leaves_the_others_of_that_disk() {
    let before = RawDisk { read_ms: Some(5_000), ..disk("sda", 100) };
    let now = RawDisk { read_ms: Some(3), ..disk("sda", 110) };
    let delta = disk_delta(&disks(&[before]), &disks(&[now])).expect("the disk is the same");
    assert_eq!(delta.read_ms, None);
    assert_eq!((delta.read_sectors, delta.write_ms), (10, Some(10)));
}

#[test]
fn p26_latency_is_the_mean_time_of_a_request() {
    let busy = RawDisk { reads: Some(104), read_ms: Some(150), ..disk("sda", 100) };
    let io = stats(&with_disks(at(10), vec![disk("sda", 100)]), &with_disks(at(11), vec![busy])).io;
    assert_eq!(io.read_latency_seconds, Some(0.0125));
    assert_eq!(io.write_latency_seconds, None);
}

#[test]
fn p27_a_disk_that_is_new_has_no_rate_yet() {
    let now = disks(&[disk("sda", 1_000_000)]);
    assert_eq!(disk_delta(&disks(&[]), &now), None, "not 0: nothing was measured");
    let known = disks(&[disk("sdb", 5)]);
    let both = disks(&[disk("sda", 1_000_000), disk("sdb", 6)]);
    assert_eq!(disk_delta(&known, &both), all(1), "the known one alone counts");

    let io = stats(&with_disks(at(10), Vec::new()), &with_disks(at(11), now.devices)).io;
    let totals = IoStats {
        read_bytes: Some(512_000_000),
        write_bytes: Some(512_000_000),
        read_count: Some(1_000_000),
        write_count: Some(1_000_000),
        ..IoStats::default()
    };
    assert_eq!(io, totals, "levels and no rates");
}

#[test]
fn p28_a_disk_that_disappears_takes_its_baseline_along() {
    let both = disks(&[disk("sda", 100), disk("sdb", 5_000)]);
    let one = disks(&[disk("sda", 107)]);
    assert_eq!(disk_delta(&both, &one), all(7));
    // It comes back elsewhere in the list, counting from 0 again.
    let again = disks(&[disk("sdb", 3), disk("sda", 109)]);
    assert_eq!(disk_delta(&one, &again), all(2));
    assert_eq!(disk_delta(&both, &again), all(9), "missed in between: its counters went back");
    let grown = disks(&[disk("sdb", 4), disk("sda", 110)]);
    assert_eq!(disk_delta(&again, &grown), all(2), "one each");
}

#[test]
fn p28_another_disk_under_the_same_name_is_not_the_same_disk() {
    let before = disks(&[disk("sda", 100)]);
    let other = RawDisk { device: (259, 1), ..disk("sda", 200) };
    assert_eq!(disk_delta(&before, &disks(&[other])), None);
}

#[test]
fn p36_rates_are_over_the_time_between_the_disks_own_readings() {
    let before = with_disks(at(10), vec![disk("sda", 0)]);
    let mut now = with_disks(at(11), vec![disk("sda", 30)]);
    if let Some(disks) = &mut now.disks {
        disks.read_at_ns += 500_000_000;
    }
    assert_eq!(stats(&before, &now).io.read_count_per_second, Some(20.0));
}

#[test]
fn an_hour_of_a_fast_disk_does_not_run_into_a_limit() {
    // 6 GiB a second for an hour: far more sectors than 32 bits hold.
    let sectors = 6 * (1 << 30) / 512 * 3_600;
    let fast = RawDisk { read_sectors: sectors, ..disk("nvme0n1", 0) };
    let io = stats(&with_disks(at(0), vec![disk("nvme0n1", 0)]), &with_disks(at(3_600), vec![fast])).io;
    assert_eq!(io.read_bytes_per_second, Some(6.0 * f64::from(1 << 30)));
}
