//! Server-sent events, out of bytes from anybody.

use std::io::{self, BufRead};

/// Bytes of an event: the snapshot of some ten thousand series. What is longer ends the stream.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// An event: its name and its data.
pub(super) type Event = (String, Vec<u8>);

/// The events of a stream.
pub(super) struct Events<R> {
    reader: R,
}

impl<R: BufRead> Events<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader }
    }

    /// The next event; `None` where the stream has ended.
    ///
    /// # Errors
    ///
    /// Why reading failed, and [`io::ErrorKind::InvalidData`] for an event that is too long.
    pub(super) fn next(&mut self) -> io::Result<Option<Event>> {
        let (mut name, mut data, mut seen) = (String::new(), Vec::new(), 0);
        let mut line = Vec::new();
        loop {
            if !self.line(&mut line, &mut seen)? {
                // What has not ended is no event.
                return Ok(None);
            }
            if line.is_empty() {
                if !data.is_empty() {
                    return Ok(Some((name, data)));
                }
                (name, seen) = (String::new(), 0);
                continue;
            }
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (field, value) = (&line[..at], line.get(at + 1..).unwrap_or_default());
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => name = String::from_utf8_lossy(value).into_owned(),
                b"data" => {
                    if !data.is_empty() {
                        data.push(b'\n');
                    }
                    data.extend_from_slice(value);
                }
                // Comments, and what nobody here asks for.
                _ => {}
            }
        }
    }

    /// The next line without its end; false where there is none.
    fn line(&mut self, line: &mut Vec<u8>, seen: &mut usize) -> io::Result<bool> {
        line.clear();
        loop {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            if bytes.is_empty() {
                return Ok(false);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(bytes.len());
            *seen += taken + usize::from(end.is_some());
            if *seen > MOST_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an event of more than 4 MiB"));
            }
            line.extend_from_slice(&bytes[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufReader, Read};

    use proptest::prelude::*;

    use super::{Events, MOST_BYTES};

    fn read(text: &[u8]) -> Vec<(String, String)> {
        // In pieces, as a network has it.
        let mut events = Events::new(BufReader::with_capacity(3, text));
        let mut found = Vec::new();
        while let Some((name, data)) = events.next().unwrap() {
            found.push((name, String::from_utf8_lossy(&data).into_owned()));
        }
        found
    }

    #[test]
    fn events_are_read_as_they_were_written() {
        let text = b":\n\nevent: patch\ndata: {}\n\nevent: alert\r\ndata:1\r\ndata: 2\r\nid: 7\r\n\r\ndata: bare\n\nevent: a\n\ndata\n\ndata: cut";
        let expected = [("patch", "{}"), ("alert", "1\n2"), ("", "bare")];
        assert_eq!(read(text), expected.map(|(name, data)| (name.to_owned(), data.to_owned())));
    }

    #[test]
    fn what_never_ends_is_ended() {
        for endless in [&b"x"[..], b"data: x\n", b"event: x\n", b": x\n"] {
            let mut events = Events::new(BufReader::new(Again(endless.iter().cycle())));
            let error = events.next().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        let long = [b"data: ".as_slice(), &vec![b'x'; MOST_BYTES - 100], b"\n\n"].concat();
        assert_eq!(read(&long).len(), 1);
    }

    /// The same piece again and again.
    struct Again<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

    impl Read for Again<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.iter_mut().zip(&mut self.0).for_each(|(to, from)| *to = *from);
            Ok(buffer.len())
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_events_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for (name, data) in read(&bytes) {
                prop_assert!(!name.contains('\n') && !data.is_empty());
            }
        }
    }
}
