//! Which interfaces are made of others, so that no packet is counted twice.
//!
//! A packet for a container passes a network card, perhaps a bond and a VLAN, a bridge and a veth pair, and
//! `/proc/net/dev` has a line for each. `/sys/class/net/<name>` tells them apart:
//!
//! - `device`: a card, or what a hypervisor shows as one. Where its `master` has a device too, the master counts the
//!   same packets (the two halves of an accelerated interface on Azure, `net_failover`);
//! - `lower_<name>`, `bridge`, `bonding`: made of other interfaces;
//! - `master`: plugged into a bridge, without a device of its own;
//! - tunnels (tun, WireGuard, VXLAN, IP in IP) name nobody below them, but every packet of theirs leaves by another
//!   interface: known by `tun_flags`, by a `type` other than Ethernet, or by the kind that `uevent` prints;
//! - where `/sys` does not know the interface, names decide.
//!
//! All of it is found out when the list of interfaces changes. What is plugged into what may change without that, so
//! it is looked at again from time to time.

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, RawDir};

use crate::sampling::{InterfaceKind, RawInterface};

/// Readings between two looks at what is plugged into what: a minute, at one reading a second.
const READINGS_BETWEEN_LOOKS: u32 = 60;

/// `ARPHRD_ETHER`. What is of another type has a device, or is a tunnel.
const ETHERNET: &str = "1";

/// The kinds of interface that wrap what they are given and hand it to another one.
const WRAPPING: [&str; 12] =
    ["bareudp", "dsa", "geneve", "gre", "gretap", "gtp", "macsec", "ppp", "vlan", "vxlan", "wireguard", "xfrm"];

/// Interfaces that only show what passes another one, or swallow it.
const IMITATING: [&str; 4] = ["dummy", "ifb", "nlmon", "teql"];

/// Where there is no `/sys`: names of what is made of others, and of what is plugged into them.
const STACKED_NAMES: [&str; 14] =
    ["bond", "br-", "br", "cni", "docker", "flannel.", "gre", "ppp", "sit", "tap", "tun", "virbr", "vxlan", "wg"];
const MEMBER_NAMES: [&str; 4] = ["cali", "lxc", "veth", "vnet"];

/// What is known of the interfaces of the last reading, in its order.
#[derive(Debug)]
pub(super) struct InterfaceKinds {
    class_net: PathBuf,
    known: Vec<Known>,
    readings: u32,
}

#[derive(Debug)]
struct Known {
    name: String,
    index: Option<u32>,
    kind: InterfaceKind,
    /// Hands what it is given to another interface.
    wraps: bool,
    /// A port of a switch on the board: it has a device, and all of its packets pass the card above the switch.
    is_port: bool,
    directory: PathBuf,
    device_of_master: PathBuf,
}

impl InterfaceKinds {
    /// `class_net` is `/sys/class/net`, or a recording of it.
    pub(super) fn new(class_net: PathBuf) -> Self {
        Self { class_net, known: Vec::new(), readings: 0 }
    }

    /// Sets the index and the kind of every interface.
    pub(super) fn assign(&mut self, interfaces: &mut [RawInterface]) {
        self.readings += 1;
        if !self.is_about(interfaces) {
            let examine = |interface: &RawInterface| self.examine(&interface.name, interfaces);
            self.known = interfaces.iter().map(examine).collect();
        } else if self.readings.is_multiple_of(READINGS_BETWEEN_LOOKS) {
            for known in &mut self.known {
                known.kind = known.look().unwrap_or(known.kind);
            }
        }
        for (interface, known) in interfaces.iter_mut().zip(&self.known) {
            (interface.index, interface.kind) = (known.index, known.kind);
        }
    }

    fn is_about(&self, interfaces: &[RawInterface]) -> bool {
        let same = |(known, interface): (&Known, &RawInterface)| known.name == interface.name;
        self.known.len() == interfaces.len() && self.known.iter().zip(interfaces).all(same)
    }

    fn examine(&self, name: &str, interfaces: &[RawInterface]) -> Known {
        let directory = self.class_net.join(name);
        let uevent = fs::read_to_string(directory.join("uevent")).unwrap_or_default();
        let named = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let link_type = fs::read_to_string(directory.join("type")).unwrap_or_default();
        let link_type = link_type.trim();
        let mut known = Known {
            name: name.to_owned(),
            index: named("IFINDEX").and_then(|index| index.parse().ok()),
            kind: InterfaceKind::Virtual,
            is_port: named("DEVTYPE") == Some("dsa"),
            wraps: named("DEVTYPE").is_some_and(|kind| WRAPPING.contains(&kind))
                || !link_type.is_empty() && link_type != ETHERNET
                || is_numbered(name, &IMITATING),
            device_of_master: directory.join("master/device"),
            directory,
        };
        known.kind = known.look().unwrap_or_else(|| kind_by_name(name, interfaces));
        known
    }
}

impl Known {
    /// What the interface is now; `None` where `/sys` does not know it. Allocates nothing, because it runs within a
    /// sample.
    fn look(&self) -> Option<InterfaceKind> {
        if self.name == "lo" {
            return Some(InterfaceKind::Loopback);
        }
        let links = Links::of(&self.directory)?;
        let is_half = links.master && self.device_of_master.exists();
        let is_card = links.device && !self.is_port;
        Some(if is_card && !is_half {
            InterfaceKind::Physical
        } else if !is_card && (links.lower || links.tunnel || self.wraps) {
            InterfaceKind::Stacked
        } else if links.master {
            InterfaceKind::Member
        } else {
            InterfaceKind::Virtual
        })
    }
}

/// What the directory of an interface has links to.
#[derive(Clone, Copy, Debug, Default)]
struct Links {
    device: bool,
    master: bool,
    lower: bool,
    tunnel: bool,
}

impl Links {
    fn of(directory: &Path) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(directory, flags, Mode::empty()).ok()?;
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let mut entries = RawDir::new(directory, &mut buffer);
        let mut links = Self::default();
        while let Some(entry) = entries.next() {
            match entry.ok()?.file_name().to_bytes() {
                b"device" => links.device = true,
                b"master" => links.master = true,
                b"bridge" | b"bonding" => links.lower = true,
                b"tun_flags" => links.tunnel = true,
                name => links.lower |= name.starts_with(b"lower_"),
            }
        }
        Some(links)
    }
}

/// One of `drivers` and a number.
fn is_numbered(name: &str, drivers: &[&str]) -> bool {
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    drivers.iter().any(|driver| name.strip_prefix(driver).is_some_and(is_number))
}

fn kind_by_name(name: &str, interfaces: &[RawInterface]) -> InterfaceKind {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    // `eth0.100` is a VLAN on `eth0`.
    let below = name.split_once('.').map(|(below, _)| below);
    if below.is_some_and(|below| interfaces.iter().any(|interface| interface.name == below))
        || begins(&STACKED_NAMES)
        || is_numbered(name, &IMITATING)
    {
        InterfaceKind::Stacked
    } else if begins(&MEMBER_NAMES) {
        InterfaceKind::Member
    } else {
        InterfaceKind::Virtual
    }
}
