//! A place in a text of `/proc`, moving forward only.
//!
//! A truncated file must not give a wrong number: `12345` cut after `123` still looks like one. So nothing counts
//! here until the byte that ends it has been seen: a number or a word needs a blank or a newline after it, and the
//! end of the text is neither. Every line of every file that is read ends with a newline, the last one too.

/// The part of a text that has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// At a newline, blanks before it skipped.
    #[inline]
    pub(super) fn is_at_line_end(&mut self) -> bool {
        self.skip_blanks();
        self.0.first() == Some(&b'\n')
    }

    /// Moves past the newline that ends this line, or to the end where there is none; says whether there was one.
    #[inline]
    pub(super) fn skip_line(&mut self) -> bool {
        let end = memchr::memchr(b'\n', self.0);
        self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        end.is_some()
    }

    /// Moves past `prefix` if it comes next.
    pub(super) fn eat(&mut self, prefix: &[u8]) -> bool {
        let rest = self.0.strip_prefix(prefix);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// What stands before the next `end` on this line; moves past that byte.
    #[inline]
    pub(super) fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let length = self.0.iter().position(|&byte| byte == end || byte == b'\n')?;
        if self.0[length] != end {
            return None;
        }
        let (before, rest) = self.0.split_at(length);
        self.0 = &rest[1..];
        Some(before)
    }

    /// The next run of bytes that are not blank, on this line.
    #[inline]
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        self.skip_blanks();
        let length = self.0.iter().position(|&byte| ends_field(byte))?;
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The next word as a decimal number. `None`, with the cursor somewhere within the word, where it is not one or
    /// is above [`u64::MAX`].
    #[inline]
    pub(super) fn number(&mut self) -> Option<u64> {
        self.skip_blanks();
        let (value, length) = leading_decimal(self.0)?;
        let next = *self.0.get(length)?;
        self.0 = &self.0[length..];
        ends_field(next).then_some(value)
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }
}

/// The value of a text that is a decimal number and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let (value, length) = leading_decimal(text)?;
    (length == text.len()).then_some(value)
}

/// The number that `text` begins with, and its length.
#[inline]
fn leading_decimal(text: &[u8]) -> Option<(u64, usize)> {
    /// Any number of this many digits fits.
    const SAFE_DIGITS: usize = 19;

    let mut value = 0_u64;
    let mut length = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        length += 1;
    }
    match length {
        0 => None,
        1..=SAFE_DIGITS => Some((value, length)),
        _ => Some((checked_decimal(&text[..length])?, length)),
    }
}

/// The value of a long row of digits, unless it is too large.
#[cold]
fn checked_decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[inline]
fn ends_field(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}
