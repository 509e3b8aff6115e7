//! The portable source: its counters by themselves, and all of it beside the native source on this machine.

use mtaio_monitoring::sampling::portable::{ProcessorCounters, SharedDrives};
use mtaio_monitoring::sampling::{CpuTimes, DiskKind, RawDisk};

const SECOND: u64 = 1_000_000_000;

/// Counts the shares, a second each, and compares (busy, idle) of all processors together and of each.
#[track_caller]
fn check(shares: &[(f32, &[f32])], total: (u64, u64), cores: &[(u64, u64)]) {
    let mut counters = ProcessorCounters::default();
    for (second, (total, cores)) in (1000..).zip(shares) {
        counters.count(second * SECOND, *total, cores);
    }
    let cpu = counters.counters();
    let busy_and_idle = |times: [u64; 10]| {
        let unknown = times.iter().filter(|&&ticks| ticks == CpuTimes::UNKNOWN).count();
        assert_eq!(unknown, 8, "it knows busy and idle, and nothing else: {times:?}");
        (times[0], times[3])
    };
    assert_eq!(busy_and_idle(cpu.total.0), total);
    let found: Vec<_> = cpu.cores.iter().map(|(_, times)| busy_and_idle(times.0)).collect();
    assert_eq!(found, cores);
}

#[test]
fn p1_the_first_look_only_begins_the_count() {
    check(&[(80.0, &[90.0, 70.0])], (0, 0), &[(0, 0), (0, 0)]);
}

#[test]
fn shares_become_counters_in_ten_thousandths_of_a_second() {
    check(&[(0.0, &[0.0, 0.0]), (25.0, &[50.0, 0.0])], (5000, 15_000), &[(5000, 5000), (0, 10_000)]);
    check(&[(0.0, &[0.0]), (25.0, &[25.0]), (50.0, &[50.0])], (7500, 12_500), &[(7500, 12_500)]);
}

#[test]
fn p42_shares_that_cannot_be_are_bounded() {
    check(&[(0.0, &[0.0]), (180.0, &[-5.0]), (f32::NAN, &[f32::INFINITY])], (10_000, 10_000), &[(10_000, 10_000)]);
}

#[test]
fn p5_a_processor_that_comes_later_begins_at_0() {
    check(&[(0.0, &[0.0]), (0.0, &[0.0]), (0.0, &[0.0, 100.0])], (0, 30_000), &[(0, 20_000), (10_000, 0)]);
}

#[test]
fn p23_volumes_of_one_drive_count_once_from_when_they_were_seen_equal() {
    let volume = |name: &str, sectors| RawDisk { name: name.into(), read_sectors: sectors, ..RawDisk::default() };
    let mut shared = SharedDrives::default();
    let mut kinds = |sectors: [(&str, u64); 3]| {
        let mut volumes = sectors.map(|(name, sectors)| volume(name, sectors));
        shared.mark(&mut volumes);
        volumes.map(|volume| volume.kind)
    };
    use DiskKind::{Partition, Whole};
    // Traffic between two looks at one drive makes its volumes differ for a moment.
    assert_eq!(kinds([("/", 10), ("/data", 11), ("/usb", 5)]), [Whole, Whole, Whole]);
    assert_eq!(kinds([("/", 12), ("/data", 12), ("/usb", 5)]), [Whole, Partition, Whole]);
    assert_eq!(kinds([("/", 13), ("/data", 14), ("/usb", 5)]), [Whole, Partition, Whole]);
    // Without the volume that stood for both, the other one stands for itself.
    assert_eq!(kinds([("/new", 1), ("/data", 15), ("/usb", 5)]), [Whole, Whole, Whole]);
}

#[cfg(target_os = "linux")]
mod beside_native {
    use std::time::{Duration, Instant};

    use mtaio_monitoring::clock::Clock;
    use mtaio_monitoring::sampling::linux::LinuxSource;
    use mtaio_monitoring::sampling::portable::PortableSource;
    use mtaio_monitoring::sampling::{CpuTimes, RawInterface, RawSample, Source};

    /// One sample of each source, one right after the other.
    fn both(native: &mut LinuxSource, portable: &mut PortableSource) -> (RawSample, RawSample) {
        let clock = Clock::system();
        let mut samples = (RawSample::default(), RawSample::default());
        native.read(&clock, &mut samples.0);
        portable.read(&clock, &mut samples.1);
        samples
    }

    #[test]
    fn memory_load_and_process_agree() {
        let (native, portable) = both(&mut LinuxSource::new(), &mut PortableSource::new());
        let (memory, other) = (native.memory.unwrap().value, portable.memory.unwrap().value);
        assert_eq!((memory.total, memory.swap_total), (other.total, other.swap_total));
        let (available, other) = (memory.available.unwrap() as f64, other.available.unwrap() as f64);
        assert!((available / other - 1.0).abs() < 0.05, "{available} and {other}");
        let (load, other) = (native.load.unwrap().value, portable.load.unwrap().value);
        for (average, other) in load.hundredths.into_iter().zip(other.hundredths) {
            // The kernel recomputes them every five seconds, perhaps between the two reads.
            assert!(average.abs_diff(other) <= 50 + average / 10, "{average} and {other}");
        }
        let (process, other) = (native.process.unwrap().value, portable.process.unwrap().value);
        assert!(other.cpu_ns >= process.cpu_ns, "{other:?}");
        assert!(other.threads > Some(0) && other.start_ticks.is_none(), "{other:?}");
    }

    #[test]
    fn traffic_of_disks_agrees() {
        let (mut native, mut portable) = (LinuxSource::new(), PortableSource::new());
        let (before, other) = both(&mut native, &mut portable);
        let (after, _) = both(&mut native, &mut portable);
        // In a container no mounted file system may be on a device that the kernel lists.
        let Some(other) = other.disks else { return };
        let (before, after) = (before.disks.unwrap().value, after.disks.unwrap().value);
        for disk in other.value.devices {
            assert_eq!((disk.reads, disk.read_ms), (None, None), "{}", disk.name);
            let named = |candidate: &&mtaio_monitoring::sampling::RawDisk| {
                disk.name.ends_with(&format!("/{}", candidate.name))
            };
            if let (Some(before), Some(after)) =
                (before.devices.iter().find(named), after.devices.iter().find(named))
            {
                let reads = before.read_sectors..=after.read_sectors;
                let writes = before.write_sectors..=after.write_sectors;
                assert!(
                    reads.contains(&disk.read_sectors) && writes.contains(&disk.write_sectors),
                    "{}",
                    disk.name
                );
            }
        }
    }

    #[test]
    fn networks_agree() {
        let (mut native, mut portable) = (LinuxSource::new(), PortableSource::new());
        let (before, other) = both(&mut native, &mut portable);
        let (after, _) = both(&mut native, &mut portable);
        let [before, other, after] = [before, other, after].map(|sample| sample.network.unwrap().value.interfaces);
        assert_eq!(before.len(), other.len());
        for one in other {
            let named = |list: &[RawInterface]| list.iter().find(|other| other.name == one.name).unwrap().clone();
            let (before, after) = (named(&before), named(&after));
            for (before, one, after) in [
                (before.received, one.received, after.received),
                (before.transmitted, one.transmitted, after.transmitted),
            ] {
                assert!((before.bytes..=after.bytes).contains(&one.bytes), "{before:?} {one:?} {after:?}");
                assert!((before.packets..=after.packets).contains(&one.packets), "{before:?} {one:?} {after:?}");
                assert_eq!((one.errors, one.drops), (before.errors, None));
            }
        }
    }

    #[test]
    fn room_and_the_time_of_the_boot_agree() {
        let (native, portable) = both(&mut LinuxSource::new(), &mut PortableSource::new());
        let (host, other) = (native.host.unwrap().value, portable.host.unwrap().value);
        let seconds = |uptime_ns: Option<u64>| uptime_ns.unwrap() / 1_000_000_000;
        assert!(seconds(host.uptime_ns).abs_diff(seconds(other.uptime_ns)) <= 1);
        let boot = (host.activity.boot_seconds.unwrap(), other.activity.boot_seconds.unwrap());
        assert!(boot.0.abs_diff(boot.1) <= 2, "{boot:?}");
        assert_eq!((other.activity.context_switches, other.file_handles), (None, None));
        let mounts = native.filesystems.unwrap().value.mounts;
        // In a container no mounted file system may be one that `sysinfo` lists.
        for one in portable.filesystems.iter().flat_map(|other| other.value.mounts.iter()) {
            let Some(same) = mounts.iter().find(|mount| mount.mount_point == one.mount_point) else { continue };
            let (space, other) = (same.space.unwrap(), one.space.unwrap());
            assert_eq!((space.total_bytes, other.free_bytes), (other.total_bytes, None), "{}", one.mount_point);
            let difference = space.available_bytes.abs_diff(other.available_bytes);
            assert!(difference < 1 << 28, "{}: {difference}", one.mount_point);
        }
    }

    #[test]
    fn shares_of_processors_agree() {
        let (mut native, mut portable) = (LinuxSource::new(), PortableSource::new());
        let before = both(&mut native, &mut portable);
        // One processor is busy for a while; no clock can be moved for the kernel.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(700) {
            std::hint::spin_loop();
        }
        let after = both(&mut native, &mut portable);
        let share = |before: RawSample, after: RawSample, busy_modes: &[usize]| {
            let (CpuTimes(before), CpuTimes(after)) =
                (before.cpu.unwrap().value.total, after.cpu.unwrap().value.total);
            let delta = |mode: usize| after[mode].saturating_sub(before[mode]) as f64;
            busy_modes.iter().map(|&mode| delta(mode)).sum::<f64>() / (0..8).map(delta).sum::<f64>()
        };
        // user, nice, system, irq, softirq, and steal, which sysinfo calls busy.
        let native = share(before.0, after.0, &[0, 1, 2, 5, 6, 7]);
        let portable = share(before.1, after.1, &[0]);
        assert!((native - portable).abs() < 0.1, "{native} and {portable}");
    }

    #[test]
    fn p1_a_look_too_early_changes_nothing() {
        let mut portable = PortableSource::new();
        let (clock, hand) = Clock::manual();
        let mut samples = [RawSample::default(), RawSample::default()];
        portable.read(&clock, &mut samples[0]);
        hand.advance(0.05);
        portable.read(&clock, &mut samples[1]);
        let [first, second] = samples.map(|sample| sample.cpu.unwrap());
        assert_eq!(first, second, "the counters, and the time that belongs to them, stand still");
        assert!(portable.minimum_window_seconds() >= 0.2);
    }
}

#[test]
fn what_an_interface_is_follows_from_its_name_where_nothing_else_tells() {
    use mtaio_monitoring::sampling::InterfaceKind::{Loopback, Stacked, Virtual};
    use mtaio_monitoring::sampling::portable::interface_kind;
    for (name, kind) in [
        ("lo0", Loopback),
        ("Loopback Pseudo-Interface 1", Loopback),
        ("en0", Virtual),
        ("Ethernet 2", Virtual),
        ("utun3", Stacked),
        ("bridge100", Stacked),
        ("awdl0", Stacked),
    ] {
        assert_eq!(interface_kind(name), kind, "{name}");
    }
}
