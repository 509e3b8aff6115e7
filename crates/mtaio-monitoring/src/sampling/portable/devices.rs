//! Interfaces, file systems and the machine as a whole, as `sysinfo` tells of them.

use sysinfo::{DiskRefreshKind, Disks, NetworkData, Networks, System};

use crate::sampling::{
    InterfaceKind, RawActivity, RawFilesystem, RawFilesystems, RawHost, RawInterface, RawNetwork, RawSpace,
    RawTraffic,
};

pub(super) fn interfaces(networks: &mut Networks) -> Result<RawNetwork, String> {
    networks.refresh(true);
    let one = |name: String, data: &NetworkData| RawInterface {
        index: None,
        kind: interface_kind(&name),
        name,
        received: traffic_of(
            data.total_received(),
            data.total_packets_received(),
            data.total_errors_on_received(),
        ),
        transmitted: traffic_of(
            data.total_transmitted(),
            data.total_packets_transmitted(),
            data.total_errors_on_transmitted(),
        ),
    };
    let named = networks.iter().map(|(name, data)| one(name.to_string_lossy().into_owned(), data));
    let mut interfaces: Vec<RawInterface> = named.collect();
    if interfaces.is_empty() {
        return Err("no interface is listed".to_owned());
    }
    // They come out of a hash table.
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(RawNetwork { interfaces })
}

fn traffic_of(bytes: u64, packets: u64, errors: u64) -> RawTraffic {
    RawTraffic { bytes, packets, errors, drops: None }
}

/// What an interface is, as far as its name tells: on macOS `utun0` is a tunnel and `bridge0` a bridge.
#[must_use]
pub fn interface_kind(name: &str) -> InterfaceKind {
    const STACKED: [&str; 14] = [
        "awdl", "bond", "br-", "bridge", "docker", "gif", "llw", "ppp", "stf", "tap", "tun", "utun", "vlan", "wg",
    ];
    let is_loopback = ["lo", "lo0"].contains(&name) || name.contains("Loopback");
    if is_loopback {
        InterfaceKind::Loopback
    } else if STACKED.iter().any(|prefix| name.starts_with(prefix)) {
        InterfaceKind::Stacked
    } else {
        InterfaceKind::Virtual
    }
}

pub(super) fn room(disks: &mut Disks) -> Result<RawFilesystems, String> {
    disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
    let mut mounts: Vec<RawFilesystem> = Vec::new();
    for disk in disks.iter().filter(|disk| disk.total_space() > 0) {
        let source = disk.name().to_string_lossy().into_owned();
        // A device that is mounted in two places is listed twice. Names that are only labels may be the same.
        let is_device = source.starts_with('/');
        if is_device && mounts.iter().any(|mount| mount.source == source) {
            continue;
        }
        mounts.push(RawFilesystem {
            mount_point: disk.mount_point().to_string_lossy().into_owned(),
            source,
            kind: disk.file_system().to_string_lossy().into_owned(),
            read_only: disk.is_read_only(),
            space: Some(RawSpace {
                total_bytes: disk.total_space(),
                free_bytes: None,
                available_bytes: disk.available_space(),
                inodes: None,
                free_inodes: None,
            }),
        });
    }
    if mounts.is_empty() {
        return Err("no mounted file system is listed".to_owned());
    }
    Ok(RawFilesystems { mounts: mounts.into() })
}

pub(super) fn whole_machine() -> Result<RawHost, String> {
    let known = |seconds: Result<u64, sysinfo::Error>| seconds.ok().filter(|&seconds| seconds > 0);
    let uptime_ns = known(System::uptime()).and_then(|seconds| seconds.checked_mul(1_000_000_000));
    let activity = RawActivity { boot_seconds: known(System::boot_time()), ..RawActivity::default() };
    if uptime_ns.is_none() && activity.boot_seconds.is_none() {
        return Err("it does not tell since when the machine is up".to_owned());
    }
    Ok(RawHost { uptime_ns, activity, ..RawHost::default() })
}
