//! Networks, file systems and machines as they come, for the properties, and what must hold of every list.

use mtaio_monitoring::rates::{Details, SystemStats};
use mtaio_monitoring::sampling::{
    CpuTimes, DiskKind, InterfaceKind, RawActivity, RawCpu, RawDisk, RawDisks, RawFileHandles, RawFilesystem,
    RawFilesystems, RawHost, RawInterface, RawNetwork, RawSample, RawSpace, RawSwapping, RawTraffic, Timed,
};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::properties::{counter, section};

type Sections = (Option<Timed<RawNetwork>>, Option<Timed<RawFilesystems>>, Option<Timed<RawHost>>);

pub(super) fn sections() -> impl Strategy<Value = Sections> {
    (section(network()), section(filesystems()), section(host()))
}

/// The same counters a little earlier.
pub(super) fn step_back(raw: &mut RawSample, steps: &[u64]) {
    if let Some(network) = &mut raw.network {
        for (interface, step) in network.value.interfaces.iter_mut().zip(steps) {
            for traffic in [&mut interface.received, &mut interface.transmitted] {
                traffic.bytes = traffic.bytes.saturating_sub(*step);
                traffic.packets = traffic.packets.saturating_sub(*step / 100);
            }
        }
        network.read_at_ns = network.read_at_ns.saturating_sub(steps[0] * 10_000_000);
    }
    if let Some(host) = &mut raw.host {
        let switches = &mut host.value.activity.context_switches;
        *switches = switches.map(|switches| switches.saturating_sub(steps[1]));
        host.read_at_ns = host.read_at_ns.saturating_sub(steps[0] * 10_000_000);
    }
}

fn traffic() -> impl Strategy<Value = RawTraffic> {
    (counter(), counter(), counter(), weighted(0.9, counter()))
        .prop_map(|(bytes, packets, errors, drops)| RawTraffic { bytes, packets, errors, drops })
}

fn network() -> impl Strategy<Value = RawNetwork> {
    use InterfaceKind::{Loopback, Member, Physical, Stacked, Virtual};
    let kind = select(vec![Physical, Virtual, Virtual, Member, Stacked, Loopback]);
    let interface =
        (weighted(0.9, 0..3_u32), kind, traffic(), traffic()).prop_map(|(index, kind, received, transmitted)| {
            RawInterface { index, kind, received, transmitted, ..RawInterface::default() }
        });
    let names = proptest::sample::subsequence(vec!["lo", "eth0", "veth1", "br0"], 0..=4);
    (names, proptest::collection::vec(interface, 4)).prop_map(|(names, interfaces)| {
        let named = |(name, interface): (&&str, RawInterface)| RawInterface { name: (*name).into(), ..interface };
        RawNetwork { interfaces: names.iter().zip(interfaces).map(named).collect() }
    })
}

fn filesystems() -> impl Strategy<Value = RawFilesystems> {
    let space =
        (counter(), weighted(0.9, counter()), counter(), weighted(0.8, counter()), weighted(0.8, counter()))
            .prop_map(|(total_bytes, free_bytes, available_bytes, inodes, free_inodes)| RawSpace {
                total_bytes,
                free_bytes,
                available_bytes,
                inodes,
                free_inodes,
            });
    let mount = (select(vec!["/", "/home", "/boot"]), any::<bool>(), weighted(0.9, space)).prop_map(
        |(mount_point, read_only, space)| RawFilesystem {
            mount_point: mount_point.into(),
            read_only,
            space,
            ..RawFilesystem::default()
        },
    );
    proptest::collection::vec(mount, 0..4).prop_map(|mounts| RawFilesystems { mounts: mounts.into() })
}

fn host() -> impl Strategy<Value = RawHost> {
    let maybe = || weighted(0.9, counter());
    let activity = proptest::array::uniform4(maybe()).prop_map(|[switches, boot, created, blocked]| RawActivity {
        context_switches: switches,
        boot_seconds: boot,
        processes_created: created,
        processes_blocked: blocked,
    });
    let handles = (counter(), maybe()).prop_map(|(used, max)| RawFileHandles { used, max });
    let swapping = || {
        let value = (counter(), counter()).prop_map(|(in_bytes, out_bytes)| RawSwapping { in_bytes, out_bytes });
        section(value)
    };
    (maybe(), activity, weighted(0.9, handles), swapping(), swapping()).prop_map(
        |(uptime_ns, activity, file_handles, swapping, swapping_before)| RawHost {
            uptime_ns,
            activity,
            file_handles,
            swapping,
            swapping_before,
        },
    )
}

/// Any number of cores, disks and interfaces, with any counters.
fn lists() -> impl Strategy<Value = RawSample> {
    let core =
        (0..4_u32, proptest::array::uniform10(counter())).prop_map(|(number, times)| (number, CpuTimes(times)));
    let cpu = proptest::collection::vec(core, 0..4).prop_map(|cores| RawCpu { total: CpuTimes::default(), cores });
    let disk = (0..3_u32, counter(), counter(), proptest::array::uniform10(weighted(0.9, counter()))).prop_map(
        |(minor, read_sectors, write_sectors, some)| RawDisk {
            name: format!("sd{minor}"),
            device: (8, minor),
            kind: DiskKind::Whole,
            reads: some[0],
            read_sectors,
            read_ms: some[1],
            writes: some[2],
            write_sectors,
            write_ms: some[3],
            in_flight: some[4],
            busy_ms: some[5],
            weighted_ms: some[6],
            discards: some[7],
            discard_sectors: some[8],
            flushes: some[9],
            flush_ms: some[1],
        },
    );
    let disks = proptest::collection::vec(disk, 0..4).prop_map(|devices| RawDisks { devices });
    (section(cpu), section(disks), section(network()), section(filesystems())).prop_map(
        |(cpu, disks, network, filesystems)| RawSample {
            cpu,
            disks,
            network,
            filesystems,
            ..RawSample::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn p42_every_number_of_every_list_is_one_within_its_bounds(
        before in proptest::option::weighted(0.9, lists()),
        now in lists(),
    ) {
        let details = Details::between(before.as_ref(), &now);
        let mut stats = SystemStats::default();
        details.clone().complete(&mut stats);
        // Written out, every number of every field stands after a colon, whatever the field is called.
        let text = format!("{stats:?}");
        prop_assert!(!text.contains("NaN") && !text.contains("inf") && !text.contains("Some(-"), "{text}");
        for core in details.cores.iter().flatten() {
            let modes = [
                core.user_percent, core.nice_percent, core.system_percent, core.idle_percent,
                core.iowait_percent, core.irq_percent, core.softirq_percent, core.steal_percent,
            ];
            let measured = modes.iter().flatten().count();
            prop_assert!(measured == 8 || measured == 0, "{core:?}");
            if measured == 8 {
                prop_assert!((modes.iter().flatten().sum::<f64>() - 100.0).abs() < 1e-9, "{core:?}");
            }
            prop_assert_eq!(core.usage_percent.is_some(), measured == 8);
        }
        for disk in details.disks.iter().flatten() {
            prop_assert!(disk.utilisation_percent.is_none_or(|percent| percent <= 100.0), "{disk:?}");
        }
        for mount in details.filesystems.iter().flatten() {
            let shares = [mount.usage_percent, mount.inodes_usage_percent];
            prop_assert!(shares.iter().flatten().all(|percent| *percent <= 100.0), "{mount:?}");
        }
    }

    #[test]
    fn p1_without_a_baseline_no_list_has_a_rate(now in lists()) {
        let details = Details::between(None, &now);
        let rates = |text: String| {
            text.split(", ").filter(|field| field.contains("per_second") || field.contains("latency"))
                .all(|field| field.contains("None"))
        };
        let (disks, interfaces) = (format!("{:?}", details.disks), format!("{:?}", details.interfaces));
        prop_assert!(rates(disks) && rates(interfaces));
        prop_assert!(details.cores.iter().flatten().all(|core| core.usage_percent.is_none()));
    }
}
