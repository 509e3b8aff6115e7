//! The screen of `mtaio top`: pictures of it, what keys do to it, and how it behaves in a real terminal.

mod keys;
mod pictures;
mod reading;
#[cfg(target_os = "linux")]
mod shell;
