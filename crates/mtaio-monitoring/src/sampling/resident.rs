//! How much memory this process has resident, for those who ask often.

#[cfg(target_os = "linux")]
use super::linux::resident as platform;

/// Reads the resident memory of this process. Keeps what it needs open, so one is made a process: the child of a fork
/// makes its own.
#[derive(Debug, Default)]
pub struct ResidentMemory(platform::Reader);

impl ResidentMemory {
    /// Resident bytes now; `None` where the system does not say. Linux: `/proc/self/statm`, field 2
    /// (`Documentation/filesystems/proc.rst`, table 1-3), which the kernel keeps to within some 50 pages a thread.
    pub fn bytes(&mut self) -> Option<u64> {
        self.0.bytes()
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    #[derive(Debug, Default)]
    pub(super) struct Reader(System);

    impl Reader {
        pub(super) fn bytes(&mut self) -> Option<u64> {
            let own = Pid::from_u32(std::process::id());
            let what = ProcessRefreshKind::nothing().with_memory();
            self.0.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, what);
            Some(self.0.process(own)?.memory())
        }
    }
}
