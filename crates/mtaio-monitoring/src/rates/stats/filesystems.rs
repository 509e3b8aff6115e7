//! File systems, as a reader sees them.

use super::ratio;
use crate::rates::filesystems::{SpaceGroup, full_of, inodes_of, used_bytes};
use crate::rates::packed::Packed32;
use crate::sampling::{RawFilesystem, RawFilesystems};

/// Room on the mounted file systems that can fill up, as they were at most 30 s ago.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpaceStats {
    /// How full the fullest file system is that is mounted to be written to; as
    /// [`FilesystemStats::usage_percent`], 0–100.
    pub usage_percent: Option<f64>,
    /// The largest share of inodes in use on any of them; 0–100.
    pub inodes_usage_percent: Option<f64>,
    /// Size of the file system at `/`, in bytes.
    pub root_total: Option<u64>,
    /// Bytes in use there.
    pub root_used: Option<u64>,
    /// Bytes that programs without privileges can still write there.
    pub root_available: Option<u64>,
    /// How full it is; 0–100.
    pub root_usage_percent: Option<f64>,
    /// Share of its inodes that are in use; 0–100.
    pub root_inodes_usage_percent: Option<f64>,
}

/// One mounted file system, in bytes. Those that a server or another process answers for (NFS, SMB, FUSE, …) are not
/// asked, because one that does not answer would hang the monitor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilesystemStats {
    /// Where it is mounted: of several places, the one of its root, and then the shortest.
    pub mount_point: String,
    /// What is mounted there: `/dev/sda1`, `tmpfs`.
    pub source: String,
    /// Its type: `ext4`.
    pub kind: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// What it can hold.
    pub total: Option<u64>,
    /// What is free, that kept for root included; `None` where the system does not tell these apart.
    pub free: Option<u64>,
    /// What a program without privileges can still write.
    pub available: Option<u64>,
    /// `total - free`.
    pub used: Option<u64>,
    /// `100 * used / (used + available)`, as `df` has it; 0–100.
    pub usage_percent: Option<f64>,
    /// Inodes that it has; `None` where it makes them as needed.
    pub inodes_total: Option<u64>,
    /// Inodes that are free.
    pub inodes_free: Option<u64>,
    /// Share of the inodes that are in use; 0–100.
    pub inodes_usage_percent: Option<f64>,
}

fn percent((part, whole): (u64, u64)) -> Option<f64> {
    ratio(Some(part), Some(whole)).map(|share| 100.0 * share)
}

pub(super) fn space_stats(space: &SpaceGroup) -> SpaceStats {
    let full = |used: Option<u64>, available: Option<u64>| {
        let (used, available) = (used?, available?);
        percent((used, used.saturating_add(available)))
    };
    let share = |millionths: Packed32| millionths.get().map(|share| f64::from(share) / 1e4);
    let (root_used, root_available) = (space.root_used.get(), space.root_available.get());
    SpaceStats {
        usage_percent: full(space.fullest_used.get(), space.fullest_available.get()),
        inodes_usage_percent: share(space.most_inodes_millionths),
        root_total: space.root_total.get(),
        root_used,
        root_available,
        root_usage_percent: full(root_used, root_available),
        root_inodes_usage_percent: share(space.root_inodes_millionths),
    }
}

pub(in crate::rates) fn filesystem_stats(filesystems: &RawFilesystems) -> Vec<FilesystemStats> {
    filesystems.mounts.iter().map(one).collect()
}

fn one(mount: &RawFilesystem) -> FilesystemStats {
    let space = mount.space;
    FilesystemStats {
        mount_point: mount.mount_point.clone(),
        source: mount.source.clone(),
        kind: mount.kind.clone(),
        read_only: mount.read_only,
        total: space.map(|space| space.total_bytes),
        free: space.and_then(|space| space.free_bytes),
        available: space.map(|space| space.available_bytes),
        used: space.map(|space| used_bytes(&space)),
        usage_percent: space.and_then(|space| full_of(&space)).and_then(percent),
        inodes_total: space.and_then(|space| space.inodes),
        inodes_free: space.and_then(|space| space.free_inodes),
        inodes_usage_percent: space.and_then(|space| inodes_of(&space)).and_then(percent),
    }
}
