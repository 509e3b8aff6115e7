//! `/proc/net/dev` (`Documentation/filesystems/proc.rst`, "Networking info in /proc/net"; `net/core/net-procfs.c`).

use super::Malformed;
use super::cursor::Cursor;
use crate::sampling::{InterfaceKind, RawInterface, RawNetwork, RawTraffic};

/// Of the sixteen counters of a line, how many are read: those of what came in, and the first four of what went out.
const USED_COUNTERS: usize = 12;

/// The first counter of what went out.
const FIRST_TRANSMITTED: usize = 8;

/// Parses every interface, in the kernel's order, into the entries that `out` already has.
///
/// What the interfaces are is not in this file: every kind is [`InterfaceKind::Virtual`] and no index is known. A
/// number may follow the colon at once, as it does where it is wide (P39). Lines without a colon are titles; a line
/// that is damaged or cut is left out.
///
/// # Errors
///
/// No interface could be read. Even an empty network namespace has a `lo`.
pub fn parse(text: &[u8], out: &mut RawNetwork) -> Result<(), Malformed> {
    let mut text = Cursor::new(text);
    let mut found = 0;
    while !text.is_at_end() {
        let Some(line) = Line::parse(&mut text) else {
            text.skip_line();
            continue;
        };
        if found == out.interfaces.len() {
            out.interfaces.push(RawInterface::default());
        }
        line.store(&mut out.interfaces[found]);
        found += 1;
    }
    out.interfaces.truncate(found);
    if found == 0 {
        return Err(Malformed("no line of it describes an interface"));
    }
    Ok(())
}

struct Line<'a> {
    name: &'a [u8],
    counters: [u64; USED_COUNTERS],
}

impl<'a> Line<'a> {
    /// Moves past the line and its newline; where it is not an interface's line, to somewhere within it.
    fn parse(text: &mut Cursor<'a>) -> Option<Self> {
        let name = text.until(b':')?.trim_ascii();
        let mut counters = [0; USED_COUNTERS];
        for counter in &mut counters {
            *counter = text.number()?;
        }
        (text.skip_line() && !name.is_empty()).then_some(Self { name, counters })
    }

    fn store(&self, interface: &mut RawInterface) {
        // A name is any bytes but blanks, slashes and colons; one that is no UTF-8 must not hide its traffic.
        if interface.name.as_bytes() != self.name {
            interface.name.clear();
            interface.name.push_str(&String::from_utf8_lossy(self.name));
        }
        let traffic = |first: usize| RawTraffic {
            bytes: self.counters[first],
            packets: self.counters[first + 1],
            errors: self.counters[first + 2],
            drops: Some(self.counters[first + 3]),
        };
        interface.index = None;
        interface.kind = InterfaceKind::Virtual;
        interface.received = traffic(0);
        interface.transmitted = traffic(FIRST_TRANSMITTED);
    }
}
