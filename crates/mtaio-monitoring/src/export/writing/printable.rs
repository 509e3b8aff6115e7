//! Text that others chose (names of metrics, messages), made safe to print.
//!
//! A name may hold anything: escape sequences that repaint the terminal, line feeds that forge a log line, marks
//! that turn the direction of writing. Whatever is not plainly visible is shown as an escape.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Marks that may stand on one letter. Writing systems need three; towers of them are an attack on the eye.
const MARKS_PER_LETTER: usize = 3;

/// The text with everything invisible escaped, as long as it may be.
#[must_use]
pub fn printable(text: &str) -> String {
    pieces(text).collect()
}

/// The text made printable and cut to `width` columns, with `…` where something is missing.
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    let mut fitted = String::new();
    let mut used = 0;
    // Where to cut if there turns out to be more than fits.
    let mut cut = 0;
    for piece in pieces(text) {
        let columns = piece.width();
        if used + columns > width {
            fitted.truncate(cut);
            if width > 0 {
                fitted.push('…');
            }
            return fitted;
        }
        fitted.push_str(&piece);
        used += columns;
        if used < width {
            cut = fitted.len();
        }
    }
    fitted
}

fn pieces(text: &str) -> impl Iterator<Item = String> {
    let mut marks = MARKS_PER_LETTER;
    text.chars().map(move |character| {
        if !is_visible(character) {
            marks = MARKS_PER_LETTER;
            return character.escape_unicode().to_string().replace("\\u{a}", "\\n").replace("\\u{9}", "\\t");
        }
        if character.width() != Some(0) {
            marks = 0;
            return character.to_string();
        }
        marks += 1;
        if marks <= MARKS_PER_LETTER { character.to_string() } else { character.escape_unicode().to_string() }
    })
}

/// Whether the standard library's tables call the character printable: not a control, format, private, unassigned
/// or separator character. Asked behind a letter, where a combining mark counts as printable.
fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return character == ' ' || character.is_ascii_graphic();
    }
    let mut pair = [0; 5];
    pair[0] = b'a';
    let length = 1 + character.encode_utf8(&mut pair[1..]).len();
    std::str::from_utf8(&pair[..length]).is_ok_and(|pair| pair.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::{fit, printable};

    #[test]
    fn hostile_text_is_escaped_and_plain_text_is_not() {
        let check = |text: &str, expected: &str| assert_eq!(printable(text), expected);
        check("request_duration", "request_duration");
        check("応答時間 5 µs \"q\" \\", "応答時間 5 µs \"q\" \\");
        check("\u{1b}[2J\u{7}\r\n\t", "\\u{1b}[2J\\u{7}\\u{d}\\n\\t");
        check("\u{9b}31m", "\\u{9b}31m");
        check("a\u{202e}b\u{200d}\u{feff}\u{2028}", "a\\u{202e}b\\u{200d}\\u{feff}\\u{2028}");
        check("e\u{301}", "e\u{301}");
        check("\u{301}e", "\\u{301}e");
        check("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{301}\\u{301}");
    }

    #[test]
    fn cuts_by_columns() {
        let check = |text: &str, width, expected: &str| assert_eq!(fit(text, width), expected);
        check("abcdef", 6, "abcdef");
        check("abcdef", 5, "abcd…");
        check("abcdef", 1, "…");
        check("abcdef", 0, "");
        check("応答時間", 8, "応答時間");
        check("応答時間", 7, "応答時…");
        check("応答時間", 6, "応答…");
        check("ab\u{1b}cd", 6, "ab…");
        check("", 0, "");
    }
}
