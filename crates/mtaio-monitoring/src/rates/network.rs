//! The interfaces' traffic as one number a direction.

use crate::sampling::{InterfaceKind, RawInterface, RawNetwork, RawSample, RawTraffic, Timed};

use super::delta::{grown_32_bit, grown_if_known};
use super::packed::{Packed32, Packed64};

/// What went over the interfaces since they appeared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in NetworkStats, which documents them")]
pub struct NetworkTotalGroup {
    pub receive_bytes: Packed64,
    pub transmit_bytes: Packed64,
    pub receive_packets: Packed64,
    pub transmit_packets: Packed64,
    pub receive_errors: Packed64,
    pub transmit_errors: Packed64,
    pub receive_drops: Packed64,
    pub transmit_drops: Packed64,
}

/// What went over the interfaces since the baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in NetworkStats, which documents them")]
pub struct NetworkGrowthGroup {
    pub elapsed_ns: Packed64,
    pub receive_bytes: Packed64,
    pub transmit_bytes: Packed64,
    pub receive_packets: Packed64,
    pub transmit_packets: Packed64,
    pub receive_errors: Packed32,
    pub transmit_errors: Packed32,
    pub receive_drops: Packed32,
    pub transmit_drops: Packed32,
}

/// One direction between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficDelta {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Packets.
    pub packets: Option<u64>,
    /// Packets that were damaged.
    pub errors: Option<u64>,
    /// Packets that were thrown away.
    pub drops: Option<u64>,
}

impl TrafficDelta {
    /// A sum of which one unknown part makes the whole unknown.
    fn add(&mut self, part: &Self) {
        let add = |sum: &mut Option<u64>, part: Option<u64>| {
            *sum = sum.zip(part).map(|(sum, part)| sum.saturating_add(part));
        };
        add(&mut self.bytes, part.bytes);
        add(&mut self.packets, part.packets);
        add(&mut self.errors, part.errors);
        add(&mut self.drops, part.drops);
    }

    const ZERO: Self = Self { bytes: Some(0), packets: Some(0), errors: Some(0), drops: Some(0) };
}

/// The kinds of interface, those that the total is made of first: if there are none, it is made of the next.
const COUNTED: [InterfaceKind; 4] =
    [InterfaceKind::Physical, InterfaceKind::Virtual, InterfaceKind::Member, InterfaceKind::Stacked];

/// The interfaces that the total is made of, so that no packet is counted twice: those that a device stands behind. In a
/// container there is none, and it is those that are made of no other one, nor part of one; never `lo`.
pub fn counted_interfaces(network: &RawNetwork) -> impl Iterator<Item = (usize, &RawInterface)> {
    let has = |kind: &InterfaceKind| network.interfaces.iter().any(|interface| interface.kind == *kind);
    let counted = COUNTED.into_iter().find(has);
    network.interfaces.iter().enumerate().filter(move |(_, interface)| Some(interface.kind) == counted)
}

/// What an interface received and transmitted between two readings.
///
/// Packets that went back say that it is another interface of the same name: then nothing is known. Bytes that went back
/// while packets did not have wrapped, as those of some drivers do at 32 bits, if the step is small.
#[must_use]
pub fn interface_delta(before: &RawInterface, now: &RawInterface) -> Option<[TrafficDelta; 2]> {
    let went_back = |before: &RawTraffic, now: &RawTraffic| now.packets < before.packets;
    if went_back(&before.received, &now.received) || went_back(&before.transmitted, &now.transmitted) {
        return None;
    }
    let direction = |before: &RawTraffic, now: &RawTraffic| TrafficDelta {
        bytes: grown_32_bit(Some(before.bytes), Some(now.bytes)),
        packets: grown_if_known(Some(before.packets), Some(now.packets)),
        errors: grown_if_known(Some(before.errors), Some(now.errors)),
        drops: grown_if_known(before.drops, now.drops),
    };
    Some([direction(&before.received, &now.received), direction(&before.transmitted, &now.transmitted)])
}

/// The same interface in the earlier reading: almost always at the same place. One that was renamed, or that took the
/// name of another, is another one.
pub(super) fn earlier<'a>(
    before: &'a RawNetwork,
    index: usize,
    interface: &RawInterface,
) -> Option<&'a RawInterface> {
    let same = |old: &&RawInterface| old.index == interface.index && old.name == interface.name;
    before.interfaces.get(index).filter(same).or_else(|| before.interfaces.iter().find(same))
}

pub(super) fn network_groups(
    baseline: Option<&RawSample>,
    now: &RawSample,
) -> (NetworkTotalGroup, NetworkGrowthGroup) {
    let Some(now) = &now.network else { return Default::default() };
    let before = baseline.and_then(|before| before.network.as_ref());
    (totals(&now.value), before.map(|before| growth(before, now)).unwrap_or_default())
}

fn totals(network: &RawNetwork) -> NetworkTotalGroup {
    // A namespace without interfaces but `lo` has sent nothing, and that is measured.
    let (mut received, mut transmitted) = (TrafficDelta::ZERO, TrafficDelta::ZERO);
    let all = |traffic: &RawTraffic| TrafficDelta {
        bytes: Some(traffic.bytes),
        packets: Some(traffic.packets),
        errors: Some(traffic.errors),
        drops: traffic.drops,
    };
    for (_, interface) in counted_interfaces(network) {
        received.add(&all(&interface.received));
        transmitted.add(&all(&interface.transmitted));
    }
    NetworkTotalGroup {
        receive_bytes: received.bytes.into(),
        transmit_bytes: transmitted.bytes.into(),
        receive_packets: received.packets.into(),
        transmit_packets: transmitted.packets.into(),
        receive_errors: received.errors.into(),
        transmit_errors: transmitted.errors.into(),
        receive_drops: received.drops.into(),
        transmit_drops: transmitted.drops.into(),
    }
}

/// Summed interface by interface: one that is new has no baseline and one that has gone has no end, so neither counts
/// (P27, P28). Nothing is known where there are interfaces and not one of them has a baseline.
fn growth(before: &Timed<RawNetwork>, now: &Timed<RawNetwork>) -> NetworkGrowthGroup {
    let (mut interfaces, mut measured) = (0, 0);
    let (mut received, mut transmitted) = (TrafficDelta::ZERO, TrafficDelta::ZERO);
    for (index, interface) in counted_interfaces(&now.value) {
        interfaces += 1;
        let old = earlier(&before.value, index, interface);
        let Some([came, went]) = old.and_then(|old| interface_delta(old, interface)) else { continue };
        measured += 1;
        received.add(&came);
        transmitted.add(&went);
    }
    let elapsed_ns = grown_if_known(Some(before.read_at_ns), Some(now.read_at_ns)).into();
    if measured == 0 && interfaces > 0 {
        return NetworkGrowthGroup { elapsed_ns, ..NetworkGrowthGroup::default() };
    }
    NetworkGrowthGroup {
        elapsed_ns,
        receive_bytes: received.bytes.into(),
        transmit_bytes: transmitted.bytes.into(),
        receive_packets: received.packets.into(),
        transmit_packets: transmitted.packets.into(),
        receive_errors: Packed32::fitting(received.errors),
        transmit_errors: Packed32::fitting(transmitted.errors),
        receive_drops: Packed32::fitting(received.drops),
        transmit_drops: Packed32::fitting(transmitted.drops),
    }
}
