//! `mtaio completions`: what a shell completes.

use std::io::{self, Write};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell as Known, generate};

use super::arguments::Arguments;
use super::ending::{Ending, Failure};

/// Print what a shell needs in order to complete the arguments of this command
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

const HELP: &str = "\
Examples:
  mtaio completions bash > ~/.local/share/bash-completion/completions/mtaio
  mtaio completions zsh > ~/.zfunc/_mtaio       where fpath has ~/.zfunc
  mtaio completions fish > ~/.config/fish/completions/mtaio.fish";

pub(super) fn run(arguments: &Completions) -> Result<Ending, Failure> {
    let shell = match arguments.shell {
        Shell::Bash => Known::Bash,
        Shell::Zsh => Known::Zsh,
        Shell::Fish => Known::Fish,
    };
    let mut text = Vec::new();
    generate(shell, &mut Arguments::command(), "mtaio", &mut text);
    let mut stdout = io::stdout().lock();
    stdout.write_all(&text)?;
    stdout.flush()?;
    Ok(Ending::Done)
}
