//! Network interfaces, raw.

/// What kind of interface a line of `/proc/net/dev` is about: it decides what the total is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InterfaceKind {
    /// `lo`: bytes that never leave the machine.
    Loopback,
    /// Backed by a device: an Ethernet card, a wireless one, what a hypervisor gives to a virtual machine.
    Physical,
    /// Backed by none, and made of no other interface of the list: the inner end of a container's veth pair.
    #[default]
    Virtual,
    /// Part of another interface, which counts the same packets: what is plugged into a bridge or bonded, without a
    /// device of its own or under a master that has one.
    Member,
    /// Made of other interfaces, whose packets it counts once more: a bridge, a bond, a VLAN, a tunnel.
    Stacked,
}

impl InterfaceKind {
    /// The kind's name, as the faces show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Physical => "physical",
            Self::Virtual => "virtual",
            Self::Member => "member",
            Self::Stacked => "stacked",
        }
    }
}

/// One direction of an interface, cumulative since it appeared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawTraffic {
    /// Bytes; some drivers count them in 32 bits.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets that were damaged.
    pub errors: u64,
    /// Packets that were thrown away; `None` where the system does not count them (portable backend).
    pub drops: Option<u64>,
}

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawInterface {
    /// `eth0`, `lo`.
    pub name: String,
    /// The kernel's number for it, never given twice; `None` where it is not known.
    pub index: Option<u32>,
    /// What it is.
    pub kind: InterfaceKind,
    /// What came in.
    pub received: RawTraffic,
    /// What went out.
    pub transmitted: RawTraffic,
}

/// All interfaces of the network namespace that this process is in: in a container, those of the container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawNetwork {
    /// In the kernel's order.
    pub interfaces: Vec<RawInterface>,
}
