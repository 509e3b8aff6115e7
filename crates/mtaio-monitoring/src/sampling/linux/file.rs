//! One file of `/proc` or `/sys`, kept open.
//!
//! **When is a file over?** "When a read returns 0" is always right and costs a second system call for each file;
//! "when a read returns less than was asked for" is cheap and wrong (P38). How the kernel makes these files
//! (`Documentation/filesystems/seq_file.rst`, `fs/seq_file.c`) says which of the two is safe:
//!
//! - *One record* (`single_open`: stat, meminfo, loadavg, pid/stat). The kernel writes the whole text into a buffer
//!   that it enlarges until the record fits, then copies out as much as was asked for. Getting less than was asked
//!   for therefore means that nothing is left. The last byte must still be a newline, as it is in each of these
//!   files: a FUSE file system that imitates them (lxcfs) may answer in pieces, and a piece seldom ends a line.
//! - *Many records* (`seq_open`: diskstats, a record a disk with all its partitions; zoneinfo, a record a node). A
//!   read stops before the first record that does not fit into what is left of the kernel's page, however much was
//!   asked for. A short answer, even one far from 4096 bytes, says nothing, so these are read until 0. The extra
//!   call only finds that no record is left: it formats none.
//! - *Many short records* (`seq_open`: net/dev, a record an interface, of less than 400 bytes). An answer that ends a line
//!   and would have left room for one more in the smallest page there is (4096 bytes) has stopped at the end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How the kernel produces the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    /// A short answer that ends a line is the end.
    One,
    /// Only an empty answer is the end.
    Many,
    /// An answer that ends a line and leaves room for another record is the end.
    ManyShort,
}

/// The longest answer after which another short record would have fitted into the kernel's page.
const ROOM_FOR_A_SHORT_RECORD: usize = 4096 - 512;

/// No file read here comes near this size: one that does is not what it should be, and must not eat the memory.
const LARGEST_FILE_BYTES: usize = 16 * 1024 * 1024;

/// A path and, once it has been read, its descriptor.
#[derive(Debug)]
pub(super) struct KeptFile {
    path: PathBuf,
    records: Records,
    file: Option<File>,
}

impl KeptFile {
    pub(super) fn new(path: PathBuf, records: Records) -> Self {
        Self { path, records, file: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next [`read`](Self::read) opens the file anew.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// The whole file, in the first bytes of `buffer`, which grows if the file is longer. Opens the file if it is
    /// not open.
    pub(super) fn read<'b>(&mut self, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(File::open(&self.path)?),
        };
        let length = fill(file, self.records, buffer)?;
        Ok(&buffer[..length])
    }
}

/// Reads `file` from its start until its end and returns its length.
fn fill(file: &File, records: Records, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled >= LARGEST_FILE_BYTES {
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            buffer.resize((filled * 2).max(4096), 0);
        }
        let answered = match file.read_at(&mut buffer[filled..], filled as u64) {
            Ok(0) => return Ok(filled),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled += answered;
        let is_last = match records {
            Records::One => true,
            Records::Many => false,
            Records::ManyShort => answered < ROOM_FOR_A_SHORT_RECORD,
        };
        if is_last && buffer[filled - 1] == b'\n' && filled < buffer.len() {
            return Ok(filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel itself answers short here: no regular file can be made to.
    #[test]
    fn p38_a_short_answer_of_many_records_is_not_the_end() {
        let is_cut = |path: &&str| {
            let whole = std::fs::read(path).map_or(0, |text| text.len());
            let mut answer = vec![0; whole + 1];
            File::open(path).is_ok_and(|file| file.read_at(&mut answer, 0).unwrap() < whole)
        };
        // Neither changes while nobody loads a module. A kernel may be built without both.
        let Some(path) = ["/proc/crypto", "/proc/kallsyms"].into_iter().find(is_cut) else {
            return;
        };
        let mut buffer = vec![0; LARGEST_FILE_BYTES];
        let mut file = KeptFile::new(path.into(), Records::Many);
        for _ in 0..2 {
            let text = file.read(&mut buffer).unwrap();
            assert!(text == std::fs::read(path).unwrap(), "{path}");
        }
    }
}
