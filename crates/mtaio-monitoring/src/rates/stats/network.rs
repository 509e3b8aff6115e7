//! Network interfaces, as a reader sees them.

use super::per_second;
use crate::rates::delta::grown_if_known;
use crate::rates::network::{
    NetworkGrowthGroup, NetworkTotalGroup, TrafficDelta, counted_interfaces, earlier, interface_delta,
};
use crate::sampling::{InterfaceKind, RawInterface, RawNetwork, Timed};

/// The network of this process: its network namespace, which in a container is the container's own. Counters since the
/// interfaces appeared, and their rates over the sample. No packet is counted twice: the total is that of the interfaces
/// that a device stands behind or, where none has one, of those that are made of no other; never of `lo`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkStats {
    /// Bytes received.
    pub receive_bytes: Option<u64>,
    /// Bytes sent.
    pub transmit_bytes: Option<u64>,
    /// Packets received.
    pub receive_packets: Option<u64>,
    /// Packets sent.
    pub transmit_packets: Option<u64>,
    /// Packets that arrived damaged.
    pub receive_errors: Option<u64>,
    /// Packets that could not be sent.
    pub transmit_errors: Option<u64>,
    /// Packets that arrived and were thrown away, mostly for lack of room.
    pub receive_drops: Option<u64>,
    /// Packets that were thrown away instead of sent.
    pub transmit_drops: Option<u64>,
    /// Bytes received a second.
    pub receive_bytes_per_second: Option<f64>,
    /// Bytes sent a second.
    pub transmit_bytes_per_second: Option<f64>,
    /// Packets received a second.
    pub receive_packets_per_second: Option<f64>,
    /// Packets sent a second.
    pub transmit_packets_per_second: Option<f64>,
    /// Damaged packets a second.
    pub receive_errors_per_second: Option<f64>,
    /// Packets a second that could not be sent.
    pub transmit_errors_per_second: Option<f64>,
    /// Packets a second that arrived and were thrown away.
    pub receive_drops_per_second: Option<f64>,
    /// Packets a second that were thrown away instead of sent.
    pub transmit_drops_per_second: Option<f64>,
    /// Each interface by itself, `lo` included; `None` in rows of the history.
    pub interfaces: Option<Vec<InterfaceStats>>,
}

/// One network interface: counters since it appeared, and their rates over the sample.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "named and defined as in NetworkStats, which documents them")]
pub struct InterfaceStats {
    /// `eth0`.
    pub name: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// Whether it is part of the totals of [`NetworkStats`].
    pub counted: bool,
    pub receive_bytes: Option<u64>,
    pub transmit_bytes: Option<u64>,
    pub receive_packets: Option<u64>,
    pub transmit_packets: Option<u64>,
    pub receive_errors: Option<u64>,
    pub transmit_errors: Option<u64>,
    pub receive_drops: Option<u64>,
    pub transmit_drops: Option<u64>,
    pub receive_bytes_per_second: Option<f64>,
    pub transmit_bytes_per_second: Option<f64>,
    pub receive_packets_per_second: Option<f64>,
    pub transmit_packets_per_second: Option<f64>,
    pub receive_errors_per_second: Option<f64>,
    pub transmit_errors_per_second: Option<f64>,
    pub receive_drops_per_second: Option<f64>,
    pub transmit_drops_per_second: Option<f64>,
}

pub(super) fn network_stats(total: &NetworkTotalGroup, growth: &NetworkGrowthGroup) -> NetworkStats {
    let rate = |growth_of: Option<u64>| per_second(growth_of, growth.elapsed_ns.get());
    NetworkStats {
        receive_bytes: total.receive_bytes.get(),
        transmit_bytes: total.transmit_bytes.get(),
        receive_packets: total.receive_packets.get(),
        transmit_packets: total.transmit_packets.get(),
        receive_errors: total.receive_errors.get(),
        transmit_errors: total.transmit_errors.get(),
        receive_drops: total.receive_drops.get(),
        transmit_drops: total.transmit_drops.get(),
        receive_bytes_per_second: rate(growth.receive_bytes.get()),
        transmit_bytes_per_second: rate(growth.transmit_bytes.get()),
        receive_packets_per_second: rate(growth.receive_packets.get()),
        transmit_packets_per_second: rate(growth.transmit_packets.get()),
        receive_errors_per_second: rate(growth.receive_errors.get().map(u64::from)),
        transmit_errors_per_second: rate(growth.transmit_errors.get().map(u64::from)),
        receive_drops_per_second: rate(growth.receive_drops.get().map(u64::from)),
        transmit_drops_per_second: rate(growth.transmit_drops.get().map(u64::from)),
        interfaces: None,
    }
}

pub(in crate::rates) fn interface_stats(
    before: Option<&Timed<RawNetwork>>,
    now: &Timed<RawNetwork>,
) -> Vec<InterfaceStats> {
    let elapsed_ns = grown_if_known(before.map(|before| before.read_at_ns), Some(now.read_at_ns));
    let counted_kind = counted_interfaces(&now.value).next().map(|(_, interface)| interface.kind);
    let one = |(index, interface): (usize, &RawInterface)| {
        let old = before.and_then(|before| earlier(&before.value, index, interface));
        let [came, went] = old.and_then(|old| interface_delta(old, interface)).unwrap_or_default();
        stats(interface, Some(interface.kind) == counted_kind, &came, &went, elapsed_ns)
    };
    now.value.interfaces.iter().enumerate().map(one).collect()
}

fn stats(
    interface: &RawInterface,
    counted: bool,
    came: &TrafficDelta,
    went: &TrafficDelta,
    elapsed_ns: Option<u64>,
) -> InterfaceStats {
    let RawInterface { name, kind, received, transmitted, .. } = interface;
    let rate = |growth: Option<u64>| per_second(growth, elapsed_ns);
    InterfaceStats {
        name: name.clone(),
        kind: *kind,
        counted,
        receive_bytes: Some(received.bytes),
        transmit_bytes: Some(transmitted.bytes),
        receive_packets: Some(received.packets),
        transmit_packets: Some(transmitted.packets),
        receive_errors: Some(received.errors),
        transmit_errors: Some(transmitted.errors),
        receive_drops: received.drops,
        transmit_drops: transmitted.drops,
        receive_bytes_per_second: rate(came.bytes),
        transmit_bytes_per_second: rate(went.bytes),
        receive_packets_per_second: rate(came.packets),
        transmit_packets_per_second: rate(went.packets),
        receive_errors_per_second: rate(came.errors),
        transmit_errors_per_second: rate(went.errors),
        receive_drops_per_second: rate(came.drops),
        transmit_drops_per_second: rate(went.drops),
    }
}
