//! What the sampler reads from recorded machines, each with something that a sampler gets wrong (the numbers are
//! those of `sampling.md`). A recording is a tree below `tests/recordings` with its `proc` and `sys`.

#[cfg(target_os = "linux")]
mod capability;
#[cfg(target_os = "linux")]
mod cgroup_files;
#[cfg(target_os = "linux")]
mod cgroups;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod devices;
#[cfg(target_os = "linux")]
mod disks;
#[cfg(target_os = "linux")]
mod ledger;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod own_process;
#[cfg(target_os = "linux")]
mod parsers;
#[cfg(feature = "portable")]
mod portable;
#[cfg(target_os = "linux")]
pub(crate) mod pressure;
#[cfg(target_os = "linux")]
mod process_list;
#[cfg(target_os = "linux")]
mod properties;
#[cfg(target_os = "linux")]
mod recorded;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod zfs;
