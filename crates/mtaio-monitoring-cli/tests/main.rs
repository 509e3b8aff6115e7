//! The terminal's faces, held to pictures of themselves, and the command, run as a user runs it.

#[cfg(unix)]
mod command;
#[cfg(unix)]
mod config_file;
#[cfg(target_os = "linux")]
mod doctor;
#[cfg(unix)]
mod far;
mod lines;
#[cfg(unix)]
mod live;
#[cfg(unix)]
mod metrics;
#[cfg(unix)]
mod report;
mod scene;
mod screen;
#[cfg(unix)]
mod serve;
#[cfg(target_os = "linux")]
mod terminal;
mod top;
