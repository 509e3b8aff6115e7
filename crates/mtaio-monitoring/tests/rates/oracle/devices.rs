//! Networks, file systems and the machine as a whole, computed once more.

use mtaio_monitoring::sampling::{
    DiskKind, InterfaceKind, RawInterface, RawNetwork, RawSample, RawSpace, RawTraffic, Timed,
};

use super::{Values, elapsed_seconds, wrapped};

pub(super) fn values(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    if let Some(now) = &now.network {
        network(before.and_then(|raw| raw.network.as_ref()), now, values);
    }
    busiest_disk(before, now, values);
    space(now, values);
    host(before, now, values);
}

type Counter = fn(&RawTraffic) -> Option<u64>;
type Direction = fn(&RawInterface) -> &RawTraffic;

/// Names of a total and of its rate, and whether a row of the history has 32 bits for its growth.
const COUNTERS: [(&str, &str, Direction, Counter, bool); 8] = [
    ("network_receive_bytes_total", "network_receive_bytes_per_second", |i| &i.received, |t| Some(t.bytes), false),
    (
        "network_transmit_bytes_total",
        "network_transmit_bytes_per_second",
        |i| &i.transmitted,
        |t| Some(t.bytes),
        false,
    ),
    (
        "network_receive_packets_total",
        "network_receive_packets_per_second",
        |i| &i.received,
        |t| Some(t.packets),
        false,
    ),
    (
        "network_transmit_packets_total",
        "network_transmit_packets_per_second",
        |i| &i.transmitted,
        |t| Some(t.packets),
        false,
    ),
    (
        "network_receive_errors_total",
        "network_receive_errors_per_second",
        |i| &i.received,
        |t| Some(t.errors),
        true,
    ),
    (
        "network_transmit_errors_total",
        "network_transmit_errors_per_second",
        |i| &i.transmitted,
        |t| Some(t.errors),
        true,
    ),
    ("network_receive_drops_total", "network_receive_drops_per_second", |i| &i.received, |t| t.drops, true),
    ("network_transmit_drops_total", "network_transmit_drops_per_second", |i| &i.transmitted, |t| t.drops, true),
];

/// Of the kinds that there are, the one that is nearest to a wire.
fn counted(network: &RawNetwork) -> Vec<&RawInterface> {
    use InterfaceKind::{Member, Physical, Stacked, Virtual};
    for kind in [Physical, Virtual, Member, Stacked] {
        let found: Vec<_> = network.interfaces.iter().filter(|interface| interface.kind == kind).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn network(before: Option<&Timed<RawNetwork>>, now: &Timed<RawNetwork>, values: &mut Values) {
    let counted = counted(&now.value);
    for (total, _, direction, counter, _) in COUNTERS {
        let sum: Option<i128> =
            counted.iter().map(|interface| counter(direction(interface)).map(i128::from)).sum();
        values.insert(total, sum.map(|sum| sum as f64));
    }
    let Some(before) = before else { return };
    let pairs: Vec<(&RawInterface, &RawInterface)> = counted
        .iter()
        .filter_map(|now| {
            let same = |old: &&RawInterface| (&old.name, old.index) == (&now.name, now.index);
            let old = before.value.interfaces.iter().find(same)?;
            let lives =
                now.received.packets >= old.received.packets && now.transmitted.packets >= old.transmitted.packets;
            lives.then_some((old, *now))
        })
        .collect();
    if pairs.is_empty() && !counted.is_empty() {
        return;
    }
    let seconds = elapsed_seconds(before, now);
    for (total, rate, direction, counter, is_narrow) in COUNTERS {
        let step = |(old, now): &(&RawInterface, &RawInterface)| {
            let (old, now) = (i128::from(counter(direction(old))?), i128::from(counter(direction(now))?));
            let grown = if total.contains("bytes") { wrapped(old, now) } else { now - old };
            (grown >= 0).then_some(grown)
        };
        let grown: Option<i128> = pairs.iter().map(step).sum();
        let grown = grown.filter(|&grown| !is_narrow || grown < i128::from(u32::MAX));
        values.insert(rate, grown.zip(seconds).map(|(grown, seconds)| grown as f64 / seconds));
    }
}

fn busiest_disk(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    let (Some(before), Some(now)) = (before.and_then(|raw| raw.disks.as_ref()), &now.disks) else { return };
    let elapsed_ns = i128::from(now.read_at_ns) - i128::from(before.read_at_ns);
    if elapsed_ns <= 0 {
        return;
    }
    let whole = now.value.devices.iter().filter(|disk| disk.kind == DiskKind::Whole);
    let shares = whole.filter_map(|disk| {
        let old = before.value.devices.iter().find(|old| (&old.name, old.device) == (&disk.name, disk.device))?;
        let busy_ms = wrapped(old.busy_ms?.into(), disk.busy_ms?.into());
        (busy_ms >= 0).then(|| (busy_ms * 1_000_000_000_000 / elapsed_ns).min(1_000_000))
    });
    // In steps of a ten-thousandth of a percent, as rows of the history have it.
    values.insert("host_disk_utilisation_percent", shares.max().map(|share| share as f64 / 1e4));
}

fn full(space: &RawSpace) -> Option<(f64, i128, i128)> {
    let free = space.free_bytes.unwrap_or(space.available_bytes);
    let used = (i128::from(space.total_bytes) - i128::from(free)).max(0);
    let available = i128::from(space.available_bytes);
    (used + available > 0).then(|| (100.0 * used as f64 / (used + available) as f64, used, available))
}

fn inodes(space: &RawSpace) -> Option<f64> {
    let (all, free) = (i128::from(space.inodes?), i128::from(space.free_inodes?));
    (all > 0).then(|| ((all - free).max(0) * 1_000_000 / all) as f64 / 1e4)
}

fn space(now: &RawSample, values: &mut Values) {
    let Some(filesystems) = &now.filesystems else { return };
    let mounts = &filesystems.value.mounts;
    let writable = || mounts.iter().filter(|mount| !mount.read_only).filter_map(|mount| mount.space);
    let largest = |shares: &mut dyn Iterator<Item = f64>| shares.reduce(f64::max);
    let fullest = largest(&mut writable().filter_map(|space| full(&space)).map(|full| full.0));
    values.insert("host_filesystem_usage_percent", fullest);
    let most = largest(&mut writable().filter_map(|space| inodes(&space)));
    values.insert("host_filesystem_inodes_usage_percent", most);
    let Some(root) = mounts.iter().find(|mount| mount.mount_point == "/").and_then(|mount| mount.space) else {
        return;
    };
    values.insert("host_root_filesystem_total_bytes", Some(root.total_bytes as f64));
    values.insert("host_root_filesystem_available_bytes", Some(root.available_bytes as f64));
    let free = root.free_bytes.unwrap_or(root.available_bytes);
    values.insert("host_root_filesystem_used_bytes", Some(root.total_bytes.saturating_sub(free) as f64));
    values.insert("host_root_filesystem_usage_percent", full(&root).map(|full| full.0));
    values.insert("host_root_filesystem_inodes_usage_percent", inodes(&root));
}

fn host(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    let Some(now) = &now.host else { return };
    let activity = &now.value.activity;
    let narrow = |value: Option<u64>| value.filter(|&value| value < u64::from(u32::MAX)).map(|value| value as f64);
    values.insert("host_uptime_seconds", now.value.uptime_ns.map(|uptime| uptime as f64 / 1e9));
    values.insert("host_boot_time_seconds", narrow(activity.boot_seconds));
    values.insert("host_processes_blocked", narrow(activity.processes_blocked));
    values.insert("host_file_handles_used", narrow(now.value.file_handles.map(|handles| handles.used)));
    let max = now.value.file_handles.and_then(|handles| handles.max);
    values.insert("host_file_handles_max", max.map(|max| max as f64));

    if let Some(before) = before.and_then(|raw| raw.host.as_ref()) {
        let earlier = &before.value.activity;
        let seconds = elapsed_seconds(before, now);
        let rate = |old: Option<u64>, new: Option<u64>| {
            let grown = narrow(Some(new?.checked_sub(old?)?))?;
            Some(grown / seconds?)
        };
        let switches = rate(earlier.context_switches, activity.context_switches);
        values.insert("host_context_switches_per_second", switches);
        let created = rate(earlier.processes_created, activity.processes_created);
        values.insert("host_processes_created_per_second", created);
    }
    if let (Some(old), Some(new)) = (&now.value.swapping_before, &now.value.swapping) {
        // Whole milliseconds and whole KiB.
        let ms = new.read_at_ns.checked_sub(old.read_at_ns).map(|elapsed| elapsed / 1_000_000);
        let rate = |old: u64, new: u64| {
            let grown = narrow(Some(new.checked_sub(old)? / 1024))? * 1024.0;
            let ms = narrow(ms).filter(|&ms| ms > 0.0)?;
            Some(grown * 1e3 / ms)
        };
        values.insert("host_swap_in_bytes_per_second", rate(old.value.in_bytes, new.value.in_bytes));
        values.insert("host_swap_out_bytes_per_second", rate(old.value.out_bytes, new.value.out_bytes));
    }
}
