//! `/proc/self/statm` (`Documentation/filesystems/proc.rst`, table 1-3), sizes in pages, and `smaps_rollup`.

use std::path::PathBuf;

use super::cursor::Cursor;
use super::file::{KeptFile, Records};

/// The file, kept open.
#[derive(Debug)]
pub(in crate::sampling) struct Reader {
    file: KeptFile,
    buffer: Vec<u8>,
    page_bytes: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            file: KeptFile::new(PathBuf::from("/proc/self/statm"), Records::One),
            buffer: vec![0; 256],
            page_bytes: rustix::param::page_size() as u64,
        }
    }
}

impl Reader {
    pub(in crate::sampling) fn bytes(&mut self) -> Option<u64> {
        let Ok(text) = self.file.read(&mut self.buffer) else {
            self.file.close();
            return None;
        };
        parse(text).map(|pages| pages * self.page_bytes)
    }
}

/// Resident pages: the second field.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u64> {
    let mut line = Cursor::new(text);
    line.number()?;
    line.number()
}

/// Resident pages that others may hold too: the third field.
#[must_use]
pub fn shared_pages(text: &[u8]) -> Option<u64> {
    let mut line = Cursor::new(text);
    line.number()?;
    line.number()?;
    line.number()
}

/// `/proc/PID/smaps_rollup`: the line `Pss:`, in kibibytes.
#[must_use]
pub fn pss_bytes(text: &[u8]) -> Option<u64> {
    let mut lines = Cursor::new(text);
    while !lines.is_at_end() {
        if lines.eat(b"Pss:") {
            return lines.number()?.checked_mul(1024);
        }
        lines.skip_line();
    }
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_second_field_is_the_resident_one() {
        assert_eq!(super::parse(b"57344 4096 2048 1 0 8192 0\n"), Some(4096));
        assert_eq!(super::parse(b"57344\n"), None);
        assert_eq!(super::parse(b""), None);
    }
}
