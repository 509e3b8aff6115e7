//! `/proc/self/mountinfo` (`Documentation/filesystems/proc.rst`, section 3.5), and which of the mounts are file systems
//! that can fill up.
//!
//! One file system may be mounted in many places, and its room must be counted once; and to ask a file server that
//! does not answer hangs whoever asks. So what is left out, before anything is asked, is:
//!
//! - what the kernel makes up (`proc`, `sysfs`, `cgroup`, …);
//! - what is mounted over: of two mounts at one place, the later one is seen;
//! - file systems that another machine or another process serves (NFS, SMB, 9p, Ceph, FUSE, …), and what is mounted
//!   below them, for the way there leads through them. At `/` alone they are asked: where that hangs, so does every
//!   program;
//! - overlays but the one at `/`: their room is that of the file system which their upper layer lies on;
//! - all mounts of one device but one: the one of its root, and of several the one with the shortest path.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::Malformed;
use super::cursor::{Cursor, decimal};

/// What the kernel makes up. Most have no size and would be left out for that, after having been asked.
const MADE_UP: [&str; 25] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "resctrl",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// What another machine, or another process of this one, answers for.
const REMOTE: [&str; 22] = [
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "fuse",
    "fuseblk",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "smb3",
    "smbfs",
];

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `(major, minor)` of the device; made up where there is none, and then still the file system's own.
    pub device: (u32, u32),
    /// Whether the root of the file system is what is mounted, rather than a directory of it.
    pub of_root: bool,
    /// Where it is mounted.
    pub place: PathBuf,
    /// Whether it is read-only: this mount, or all of the file system.
    pub read_only: bool,
    /// `ext4`, `tmpfs`.
    pub kind: String,
    /// `/dev/sda1`.
    pub source: String,
}

/// Parses every mount, in the kernel's order. A line that is damaged or cut is left out.
///
/// # Errors
///
/// There is no line that could be read.
pub fn parse(text: &[u8], out: &mut Vec<Mount>) -> Result<(), Malformed> {
    out.clear();
    let mut text = Cursor::new(text);
    while !text.is_at_end() {
        let mount = mount(&mut text);
        if text.skip_line() {
            out.extend(mount);
        }
    }
    if out.is_empty() {
        return Err(Malformed("no line of it describes a mount"));
    }
    Ok(())
}

/// The mounts that can fill up and may be asked, each device once, in their order.
#[must_use]
pub fn chosen(mounts: &[Mount]) -> Vec<&Mount> {
    let root = Path::new("/");
    let is_remote = |mount: &Mount| mount.place != root && is_remote(&mount.kind);
    let remote: Vec<&Mount> = mounts.iter().filter(|mount| is_remote(mount)).collect();
    let mut chosen: Vec<&Mount> = Vec::new();
    for (index, mount) in mounts.iter().enumerate() {
        let is_hidden = mounts[index + 1..].iter().any(|later| later.place == mount.place);
        let is_overlay_again = mount.kind == "overlay" && mount.place != root;
        let is_beyond = remote.iter().any(|remote| mount.place.starts_with(&remote.place));
        if is_hidden || is_overlay_again || is_beyond || MADE_UP.contains(&mount.kind.as_str()) {
            continue;
        }
        match chosen.iter_mut().find(|other| other.device == mount.device) {
            Some(other) if rank(mount) < rank(other) => *other = mount,
            Some(_) => {}
            None => chosen.push(mount),
        }
    }
    chosen
}

/// The lowest stands for all mounts of a device.
fn rank(mount: &Mount) -> (bool, usize) {
    (!mount.of_root, mount.place.as_os_str().len())
}

fn is_remote(kind: &str) -> bool {
    REMOTE.contains(&kind) || kind.starts_with("fuse.")
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn mount(line: &mut Cursor<'_>) -> Option<Mount> {
    line.number()?;
    line.number()?;
    let device = line.word()?;
    let colon = device.iter().position(|&byte| byte == b':')?;
    let number = |text| u32::try_from(decimal(text)?).ok();
    let device = (number(&device[..colon])?, number(&device[colon + 1..])?);
    let of_root = line.word()? == b"/";
    let place = PathBuf::from(OsString::from_vec(unescaped(line.word()?)));
    let read_only = is_read_only(line.word()?);
    while line.word()? != b"-" {}
    let kind = String::from_utf8_lossy(line.word()?).into_owned();
    let source = String::from_utf8_lossy(&unescaped(line.word()?)).into_owned();
    let read_only = read_only || is_read_only(line.word()?);
    Some(Mount { device, of_root, place, read_only, kind, source })
}

fn is_read_only(options: &[u8]) -> bool {
    options.split(|&byte| byte == b',').any(|option| option == b"ro")
}

/// The kernel writes blanks, newlines and backslashes of a path as three octal digits: `\040`.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = |digits: &[u8]| {
            let value = |digit: &u8| (b'0'..=b'7').contains(digit).then(|| u32::from(digit - b'0'));
            u8::try_from(digits.iter().try_fold(0, |sum, digit| Some(sum * 8 + value(digit)?))?).ok()
        };
        let escaped = (byte == b'\\').then(|| after.get(..3).and_then(octal)).flatten();
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    bytes
}
