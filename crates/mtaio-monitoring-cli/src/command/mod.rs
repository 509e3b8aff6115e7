//! The `mtaio` command: arguments in, an exit code out.

mod arguments;
mod check_config;
mod completions;
mod doctor;
mod ending;
mod events;
mod interrupts;
mod metrics;
mod report;
mod saved_profile;
mod serve;
mod token;
mod top;
mod watch;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

use arguments::{Arguments, Subcommand};
use ending::{Ending, Failure};

/// Runs the whole command and gives its exit code. The first argument is the name of the program, as in
/// `std::env::args_os()`; the bin and the Python wheel's entry point both end in this.
///
/// Exit codes: 0 it did what was asked; 1 it failed; 2 the arguments were wrong; 128 + N it was ended early by signal
/// N (130: Ctrl-C, 143: SIGTERM). Ctrl-C is the regular end of what runs until it is interrupted, and so 0 there (for
/// `serve` SIGTERM too). A reader that closes the pipe ends it quietly, with 0.
///
/// While it runs it takes SIGINT and SIGTERM (on a screen SIGHUP and SIGQUIT too). A program that has handlers of its
/// own for these, as the Python interpreter has, resets them to the default before the call, or both act.
///
/// ```
/// assert_eq!(mtaio_monitoring_cli::run(["mtaio", "--no-such-option"].map(Into::into)), 2);
/// ```
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads to its end (`mtaio --help | head -1`) is no failure.
            let _ = error.print();
            return error.exit_code();
        }
    };
    let outcome = match &arguments.subcommand {
        Subcommand::Top(arguments) => top::run(arguments),
        Subcommand::Watch(arguments) => watch::run(arguments),
        Subcommand::Metrics(arguments) => metrics::run(arguments),
        Subcommand::CheckConfig(arguments) => check_config::run(arguments),
        Subcommand::Doctor(arguments) => doctor::run(arguments),
        Subcommand::Report(arguments) => report::run(arguments),
        Subcommand::Completions(arguments) => completions::run(arguments),
        Subcommand::Serve(arguments) => serve::run(arguments),
        // The Python package takes this one before it comes here.
        Subcommand::Run(arguments) => Err(Failure::NeedsPython(arguments.words())),
    };
    code_of(outcome)
}

fn code_of(outcome: Result<Ending, Failure>) -> i32 {
    match outcome {
        Ok(ending) => ending.code(),
        Err(failure) if failure.is_closed_pipe() => 0,
        Err(failure) if failure.is_stuck_terminal() => 1,
        Err(failure) => {
            // Where the standard error is closed as well, the code has to do.
            let _ = writeln!(std::io::stderr(), "mtaio: {failure}");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::arguments::Arguments;

    #[test]
    fn arguments_are_sound() {
        Arguments::command().debug_assert();
    }
}
