//! Room on file systems: the fullest of them, and the one at `/`.

use crate::sampling::{RawFilesystem, RawSample, RawSpace};

use super::packed::{Packed32, Packed64};

/// Bytes and inodes of two file systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in SpaceStats, which documents them")]
pub struct SpaceGroup {
    pub root_total: Packed64,
    pub root_used: Packed64,
    pub root_available: Packed64,
    /// Of the file system that is fullest.
    pub fullest_used: Packed64,
    pub fullest_available: Packed64,
    /// Shares of inodes in use, in millionths: of the file system at `/`, and of the one where it is largest.
    pub root_inodes_millionths: Packed32,
    pub most_inodes_millionths: Packed32,
}

/// Bytes in use; `df`'s "used".
pub(super) fn used_bytes(space: &RawSpace) -> u64 {
    space.total_bytes.saturating_sub(space.free_bytes.unwrap_or(space.available_bytes))
}

/// How full a file system is for a program without privileges, as `df` has it: used, of used and available. What is kept
/// for root is neither.
pub(super) fn full_of(space: &RawSpace) -> Option<(u64, u64)> {
    let used = used_bytes(space);
    let whole = used.saturating_add(space.available_bytes);
    (whole > 0).then_some((used, whole))
}

/// Inodes in use, of those that there are.
pub(super) fn inodes_of(space: &RawSpace) -> Option<(u64, u64)> {
    let (inodes, free) = (space.inodes.filter(|&inodes| inodes > 0)?, space.free_inodes?);
    Some((inodes.saturating_sub(free), inodes))
}

fn millionths((part, whole): (u64, u64)) -> u32 {
    (u128::from(part) * 1_000_000 / u128::from(whole)).min(1_000_000) as u32
}

pub(super) fn space_group(now: &RawSample) -> SpaceGroup {
    let Some(filesystems) = &now.filesystems else { return SpaceGroup::default() };
    let mounts = &filesystems.value.mounts;
    let root = mounts.iter().find(|mount| mount.mount_point == "/").and_then(|root| root.space);
    // An image that is mounted read-only is full from the start, and cannot become fuller.
    let writable = |mount: &&RawFilesystem| !mount.read_only;
    let spaces = || mounts.iter().filter(writable).filter_map(|mount| mount.space);
    let share = |(used, whole): (u64, u64)| used as f64 / whole as f64;
    let fullest = spaces().filter_map(|space| full_of(&space)).max_by(|a, b| share(*a).total_cmp(&share(*b)));
    let most_inodes = spaces().filter_map(|space| inodes_of(&space)).map(millionths).max();
    SpaceGroup {
        root_total: root.map(|root| root.total_bytes).into(),
        root_used: root.map(|root| used_bytes(&root)).into(),
        root_available: root.map(|root| root.available_bytes).into(),
        fullest_used: fullest.map(|(used, _)| used).into(),
        fullest_available: fullest.map(|(used, whole)| whole - used).into(),
        root_inodes_millionths: root.and_then(|root| inodes_of(&root)).map(millionths).into(),
        most_inodes_millionths: most_inodes.into(),
    }
}
