//! The tree of processes between the two newest looks at it.

use crate::sampling::{RawTree, Timed};

use super::delta::{grown, grown_if_known};
use super::packed::{Packed32, Packed64};

/// This process and its descendants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in TreeStats, which documents them")]
pub struct TreeGroup {
    pub processes: Packed32,
    pub threads: Packed32,
    pub cpu_ns: Packed64,
    pub delta_cpu_ns: Packed64,
    /// Nanoseconds between the two looks: the sample's own baseline is no help, since most samples have no new one.
    pub elapsed_ns: Packed64,
    pub rss_bytes: Packed64,
    pub open_descriptors: Packed64,
    /// Nanoseconds from the newer look to the sample.
    pub age_ns: Packed64,
    pub by_cgroup: Option<bool>,
}

/// What this process and its descendants read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in TreeStats, which documents them")]
pub struct TreeIoGroup {
    pub read_bytes: Packed64,
    pub written_bytes: Packed64,
    pub delta_read_bytes: Packed64,
    pub delta_written_bytes: Packed64,
}

/// The tree in a sample that began at `now_ns`.
#[must_use]
pub(super) fn tree_group(tree: Option<&Timed<RawTree>>, now_ns: u64) -> TreeGroup {
    let Some(tree) = tree.map(|tree| &tree.value) else { return TreeGroup::default() };
    let counters = &tree.counters;
    TreeGroup {
        processes: Some(tree.processes).into(),
        threads: Some(tree.threads).into(),
        cpu_ns: Some(counters.cpu_ns).into(),
        delta_cpu_ns: grown_if_known(tree.earlier.map(|earlier| earlier.cpu_ns), Some(counters.cpu_ns)).into(),
        elapsed_ns: grown_if_known(tree.earlier.map(|earlier| earlier.read_at_ns), Some(counters.read_at_ns))
            .into(),
        rss_bytes: tree.rss_bytes.into(),
        open_descriptors: tree.open_descriptors.into(),
        age_ns: Some(grown(counters.read_at_ns, now_ns)).into(),
        by_cgroup: Some(tree.by_cgroup),
    }
}

/// What the tree read and wrote.
#[must_use]
pub(super) fn tree_io_group(tree: Option<&Timed<RawTree>>) -> TreeIoGroup {
    let Some(tree) = tree.map(|tree| &tree.value) else { return TreeIoGroup::default() };
    let (before, now) = (tree.earlier.unwrap_or_default(), &tree.counters);
    TreeIoGroup {
        read_bytes: now.read_bytes.into(),
        written_bytes: now.written_bytes.into(),
        delta_read_bytes: grown_if_known(before.read_bytes, now.read_bytes).into(),
        delta_written_bytes: grown_if_known(before.written_bytes, now.written_bytes).into(),
    }
}

/// T8: at most 64 bytes a sample and group of fields.
const _: () = {
    assert!(size_of::<TreeGroup>() <= 64);
    assert!(size_of::<TreeIoGroup>() <= 64);
};
