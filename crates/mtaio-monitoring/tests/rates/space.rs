//! Room on file systems, and the machine as a whole.

use mtaio_monitoring::rates::{Details, HostStats};
use mtaio_monitoring::sampling::{
    RawActivity, RawFileHandles, RawFilesystem, RawFilesystems, RawHost, RawSample, RawSpace, RawSwapping, Timed,
};

use super::{at, stats, timed};

const SECOND: u64 = 1_000_000_000;

fn mount(place: &str, read_only: bool, space: RawSpace) -> RawFilesystem {
    RawFilesystem { mount_point: place.into(), read_only, space: Some(space), ..RawFilesystem::default() }
}

/// A tenth is kept for root, as `ext4` does.
fn space(total: u64, used: u64, inodes: u64, inodes_used: u64) -> RawSpace {
    RawSpace {
        total_bytes: total,
        free_bytes: Some(total - used),
        available_bytes: (total - used).saturating_sub(total / 10),
        inodes: Some(inodes).filter(|&inodes| inodes > 0),
        free_inodes: Some(inodes - inodes_used),
    }
}

fn with_mounts(mut raw: RawSample, mounts: Vec<RawFilesystem>) -> RawSample {
    raw.filesystems = timed(&raw, RawFilesystems { mounts: mounts.into() });
    raw
}

#[test]
fn the_share_is_that_of_df_and_the_fullest_counts() {
    let now = with_mounts(
        at(10),
        vec![
            mount("/", false, space(1_000, 450, 100, 10)),
            mount("/data", false, space(2_000, 1_700, 0, 0)),
            mount("/snap/core", true, RawSpace { available_bytes: 0, ..space(50, 50, 7, 7) }),
        ],
    );
    let found = stats(&at(9), &now).space;
    // 1700 of 1700 + 100: what is kept for root is neither used nor available.
    assert!((found.usage_percent.unwrap() - 100.0 * 1_700.0 / 1_800.0).abs() < 1e-9);
    assert_eq!(found.inodes_usage_percent, Some(10.0), "an image that is read-only is full from the start");
    assert_eq!((found.root_total, found.root_used, found.root_available), (Some(1_000), Some(450), Some(450)));
    assert_eq!((found.root_usage_percent, found.root_inodes_usage_percent), (Some(50.0), Some(10.0)));

    let list = Details::between(None, &now).filesystems.unwrap();
    let shares: Vec<_> = list.iter().map(|one| (one.usage_percent, one.inodes_usage_percent)).collect();
    assert_eq!(shares[0], (Some(50.0), Some(10.0)));
    assert_eq!(shares[1].1, None, "it makes inodes as needed");
    assert_eq!(shares[2], (Some(100.0), Some(100.0)));
}

#[test]
fn p42_room_that_is_not_known_is_none() {
    let unknown = RawFilesystem { mount_point: "/".into(), ..RawFilesystem::default() };
    let now = with_mounts(at(10), vec![unknown]);
    let found = stats(&at(9), &now).space;
    assert_eq!((found.usage_percent, found.root_total, found.root_usage_percent), (None, None, None));
    let one = &Details::between(None, &now).filesystems.unwrap()[0];
    assert_eq!((one.total, one.used, one.usage_percent), (None, None, None));
    // Nothing used and nothing available: a share of nothing is none.
    let empty = RawSpace { total_bytes: 0, free_bytes: Some(0), ..RawSpace::default() };
    let now = with_mounts(at(10), vec![mount("/", false, empty)]);
    assert_eq!(stats(&at(9), &now).space.root_usage_percent, None);
    // A system that does not tell what is kept for root.
    let blunt = RawSpace { total_bytes: 100, available_bytes: 25, ..RawSpace::default() };
    let now = with_mounts(at(10), vec![mount("/", false, blunt)]);
    let one = &Details::between(None, &now).filesystems.unwrap()[0];
    assert_eq!((one.free, one.used, one.usage_percent), (None, Some(75), Some(75.0)));
}

fn with_host(mut raw: RawSample, host: RawHost) -> RawSample {
    raw.host = timed(&raw, host);
    raw
}

#[test]
fn the_machine_as_a_whole() {
    let host = |switches, created| RawHost {
        uptime_ns: Some(5_400 * SECOND),
        activity: RawActivity {
            context_switches: Some(switches),
            boot_seconds: Some(1_700_000_000),
            processes_created: Some(created),
            processes_blocked: Some(2),
        },
        file_handles: Some(RawFileHandles { used: 1_056, max: None }),
        ..RawHost::default()
    };
    let found = stats(&with_host(at(10), host(1_000, 50)), &with_host(at(12), host(5_000, 60))).host;
    let expected = HostStats {
        uptime_seconds: Some(5_400.0),
        boot_time: Some(1_700_000_000.0),
        context_switches_per_second: Some(2_000.0),
        processes_created_per_second: Some(5.0),
        processes_blocked: Some(2),
        file_handles_used: Some(1_056),
        ..HostStats::default()
    };
    assert_eq!(found, expected);
    let first = stats(&at(10), &with_host(at(12), host(5_000, 60))).host;
    assert_eq!(
        (first.context_switches_per_second, first.processes_blocked),
        (None, Some(2)),
        "levels and no rates"
    );
    let restarted = stats(&with_host(at(10), host(1_000, 50)), &with_host(at(12), host(3, 60))).host;
    assert_eq!(restarted.context_switches_per_second, None);
}

#[test]
fn swapping_has_a_window_of_its_own() {
    let look = |seconds: u64, pages: u64| {
        Some(Timed { read_at_ns: seconds * SECOND, value: RawSwapping { in_bytes: pages * 4096, out_bytes: 0 } })
    };
    let at_look = |swapping, swapping_before| RawHost { swapping, swapping_before, ..RawHost::default() };
    // Samples between two looks repeat the newer one, and the rate of the window before it.
    for second in [20, 21, 29] {
        let now = with_host(at(second), at_look(look(20, 300), look(10, 100)));
        let before = with_host(at(second - 1), at_look(look(20, 300), look(10, 100)));
        let found = stats(&before, &now).host;
        assert_eq!(found.swap_in_bytes_per_second, Some(20.0 * 4096.0));
        assert_eq!(found.swap_out_bytes_per_second, Some(0.0));
    }
    let first = stats(&at(9), &with_host(at(10), at_look(look(10, 100), None))).host;
    assert_eq!(first.swap_in_bytes_per_second, None, "one look is no window");
    let restarted = stats(&at(9), &with_host(at(20), at_look(look(20, 3), look(10, 100)))).host;
    assert_eq!(restarted.swap_in_bytes_per_second, None);
}
