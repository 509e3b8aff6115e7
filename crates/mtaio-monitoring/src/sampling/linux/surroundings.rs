//! The kernel's release, the control groups that are mounted, and signs of containers and sandboxes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::sampling::Surroundings;

/// No file that is looked at comes near this.
const MOST_BYTES: u64 = 1 << 20;

/// Words in the path of a control group that container engines make.
const ENGINES: [&str; 7] = ["docker", "kubepods", "containerd", "libpod", "crio", "lxc", "machine.slice"];

/// What a list of mounts says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountSigns {
    /// A control group file system of version 1.
    pub v1: bool,
    /// The one of version 2.
    pub v2: bool,
    /// Files that lxcfs imitates.
    pub lxcfs: Vec<String>,
    /// The value of `hidepid` with which `/proc` is mounted, unless it hides nothing.
    pub hidepid: Option<String>,
}

/// Looks at the tree below `root`. What cannot be read is left out.
pub(in crate::sampling) fn look(root: &Path) -> Surroundings {
    let read = |path: &str| {
        let mut bytes = Vec::new();
        // A file that is cut is better than none here.
        let _ = File::open(root.join(path)).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
        bytes
    };
    let text = |path: &str| String::from_utf8_lossy(&read(path)).trim().to_owned();
    let mounts = mount_signs(&read("proc/self/mountinfo"));
    let mut hints = Vec::new();
    for (path, engine) in [(".dockerenv", "docker"), ("run/.containerenv", "podman")] {
        if root.join(path).exists() {
            hints.push(format!("{engine} (/{path})"));
        }
    }
    if let Some(name) = container_variable(&read("proc/1/environ")) {
        hints.push(format!("container={name} (environment of process 1)"));
    }
    if let Some(engine) = engine_of_cgroup(&read("proc/self/cgroup")) {
        hints.push(format!("{engine} (/proc/self/cgroup)"));
    }
    let version = text("proc/version");
    if is_gvisor(&version) {
        hints.push("gVisor (/proc/version)".to_owned());
    } else if version.to_lowercase().contains("microsoft") {
        hints.push("WSL (/proc/version)".to_owned());
    }
    if !mounts.lxcfs.is_empty() {
        hints.push(format!("lxcfs imitates {}", mounts.lxcfs.join(", ")));
    }
    if let Some(hidepid) = &mounts.hidepid {
        hints.push(format!("/proc hides other users' processes (hidepid={hidepid})"));
    }
    let pid = pid(&read("proc/self/stat"));
    if let Some(pid) = pid
        && pid != std::process::id()
        && root == Path::new("/")
    {
        hints.push(format!("/proc is of another process namespace: this process is {pid} there"));
    }
    let release = Some(text("proc/sys/kernel/osrelease")).filter(|release| !release.is_empty());
    let release = release.or_else(|| version.strip_prefix("Linux version ")?.split(' ').next().map(str::to_owned));
    Surroundings {
        kernel: release.map(|release| format!("Linux {release}")),
        pid: pid.unwrap_or_else(std::process::id),
        cgroups: match (mounts.v1, mounts.v2) {
            (true, true) => Some("hybrid"),
            (true, false) => Some("v1"),
            (false, true) => Some("v2"),
            (false, false) => None,
        },
        hints,
    }
}

/// What `/proc/self/mountinfo` says. Lines that are damaged are passed over.
#[must_use]
pub fn mount_signs(text: &[u8]) -> MountSigns {
    let mut signs = MountSigns::default();
    for line in text.split(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let place = before.split(' ').nth(4).unwrap_or_default();
        let mut fields = after.split(' ');
        let kind = fields.next().unwrap_or_default();
        let options = fields.nth(1).unwrap_or_default();
        match kind {
            "cgroup" => signs.v1 = true,
            "cgroup2" => signs.v2 = true,
            "fuse.lxcfs" if place.starts_with("/proc/") => signs.lxcfs.push(place.to_owned()),
            "proc" if place == "/proc" => {
                let hidepid = options.split(',').find_map(|option| option.strip_prefix("hidepid="));
                signs.hidepid = hidepid.filter(|hidepid| !matches!(*hidepid, "0" | "off")).map(str::to_owned);
            }
            _ => {}
        }
    }
    signs
}

/// The container engine whose control group this is, by the lines of `/proc/self/cgroup`.
#[must_use]
pub fn engine_of_cgroup(text: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(text);
    // The engine's own service is no container.
    let mut groups = text.split(['/', '\n']).filter(|group| !group.ends_with(".service"));
    groups.find_map(|group| ENGINES.into_iter().find(|engine| group.contains(engine)))
}

/// `container=lxc`, which systemd's container interface asks of every engine.
fn container_variable(environment: &[u8]) -> Option<String> {
    let mut variables = environment.split(|&byte| byte == 0);
    let value = variables.find_map(|variable| variable.strip_prefix(b"container="))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// gVisor prints the version of one kernel, whichever it runs on.
fn is_gvisor(version: &str) -> bool {
    version.contains("gVisor") || version.starts_with("Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016")
}

fn pid(stat: &[u8]) -> Option<u32> {
    std::str::from_utf8(stat.split(|&byte| byte == b' ').next()?).ok()?.parse().ok()
}
