//! How numbers, columns and text that others chose are written for people. The terminal's faces write alike.

pub mod columns;
pub mod printable;
pub mod quantity;
