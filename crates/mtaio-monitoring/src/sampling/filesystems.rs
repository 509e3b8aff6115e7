//! Mounted file systems, raw.

use std::sync::Arc;

/// Room on a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawSpace {
    /// Bytes that it can hold.
    pub total_bytes: u64,
    /// Bytes that are free, those kept for root included; `None` where the system does not tell these apart.
    pub free_bytes: Option<u64>,
    /// Bytes that a program without privileges can still write.
    pub available_bytes: u64,
    /// Inodes that it has; `None` where it makes them as needed (btrfs, vfat).
    pub inodes: Option<u64>,
    /// Inodes that are free.
    pub free_inodes: Option<u64>,
}

/// One mounted file system that has a size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawFilesystem {
    /// Where it is mounted. Bytes that are no UTF-8 are replaced.
    pub mount_point: String,
    /// What is mounted there: `/dev/sda1`, `tmpfs`.
    pub source: String,
    /// Its type: `ext4`.
    pub kind: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// How much room there is; `None` where the system does not tell.
    pub space: Option<RawSpace>,
}

/// The file systems that this process sees, each device once. Shared, because a sample between two looks repeats it.
#[derive(Clone, Debug, PartialEq)]
pub struct RawFilesystems {
    /// In the order in which they are mounted.
    pub mounts: Arc<[RawFilesystem]>,
}

impl Default for RawFilesystems {
    fn default() -> Self {
        Self { mounts: Arc::new([]) }
    }
}
