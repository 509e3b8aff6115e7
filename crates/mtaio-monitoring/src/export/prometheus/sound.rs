//! Foreign text and labels made sound, whatever they are written in then: the same series has the same labels in every
//! format.

use std::borrow::Cow;

use crate::metrics::Labels;
use crate::metrics::exposed::label_name;

/// The label that tells two series apart whose labels, made sound, are the same.
pub(super) const APART: &str = "mtaio_series";

/// Control characters, of which sequences for terminals are made, and marks that turn the direction of writing.
pub(super) fn is_obeyed(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text with nothing in it that a terminal would obey.
pub(super) fn sound(foreign: &str) -> Cow<'_, str> {
    if foreign.contains(is_obeyed) {
        Cow::Owned(foreign.replace(is_obeyed, "\u{fffd}"))
    } else {
        Cow::Borrowed(foreign)
    }
}

/// Names and values of labels. Values of labels whose names become the same are joined.
pub(super) fn pairs(labels: &Labels) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for (name, value) in labels.iter() {
        let (name, value) = (label_name(name), sound(value));
        match pairs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, joined)) => joined.to_mut().extend([";", &*value]),
            None => pairs.push((name, value)),
        }
    }
    pairs
}
