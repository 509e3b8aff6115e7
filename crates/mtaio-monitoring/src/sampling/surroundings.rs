//! Where this process runs: what decides which sections there are.

use std::path::Path;

/// The kernel, the process and what surrounds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The system and its release, as it calls itself: `Linux 6.18.5`.
    pub kernel: Option<String>,
    /// The process id, as `/proc` has it.
    pub pid: u32,
    /// Which control groups there are: `v1`, `v2`, or `hybrid`, where both are mounted; `None` where there are none.
    pub cgroups: Option<&'static str>,
    /// What suggests a container or a sandbox, and what hides things, each with where it was seen. Some of it is
    /// foreign text.
    pub hints: Vec<String>,
}

impl Surroundings {
    /// The surroundings as the tree below `root` shows them: `/`, a recording, or a host's tree mounted elsewhere.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        #[cfg(target_os = "linux")]
        return super::linux::surroundings::look(root);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = root;
            Self { kernel: Some(std::env::consts::OS.to_owned()), pid: std::process::id(), ..Self::default() }
        }
    }
}

/// The name of the machine, as its owner chose it: foreign text. `None` where it has none.
#[must_use]
pub fn host_name() -> Option<String> {
    #[cfg(unix)]
    let name = Some(rustix::system::uname().nodename().to_string_lossy().into_owned());
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok();
    name.filter(|name| !name.is_empty())
}
