//! What can be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser};
use mtaio_monitoring::RuleOptions;
use mtaio_monitoring::alerts::Rule;
use mtaio_monitoring::export::Format;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::Config;

use super::completions::Completions;
use super::metrics::Metrics;
use super::serve::Serve;
use super::token::Token;

const EXAMPLES: &str = "\
Examples:
  mtaio top                                  this machine, live; ? explains the keys
  mtaio top --threshold cpu_usage=80         with a threshold that fires above 80 %
  mtaio top http://127.0.0.1:8000/           a process that serves its monitor
  mtaio watch                                one line a second, until Ctrl-C
  mtaio watch --json --count 60 > day.jsonl  sixty samples for a program to read
  mtaio metrics                              every metric with its value now; with a URL, of a process that serves
  mtaio watch --config mtaio.toml            with the settings, thresholds and destinations of a file
  mtaio check-config mtaio.toml              whether such a file can be used
  mtaio doctor                               what can be read here, and what it costs
  mtaio report --seconds 60                  what this machine did in a minute; with a URL, a process that serves
  mtaio report run.json                      a saved profile, as a table and a call tree
  mtaio run service.py                       a Python program, with a summary at its end
  mtaio run --serve service.py               with a page, while it runs
  mtaio serve                                this machine over HTTP: a page, the scrape, JSON
  mtaio completions bash                     what a shell completes

Exit codes:
  0    it did what was asked, or ran until Ctrl-C where it has no other end (`serve`: or until SIGTERM)
  1    it failed, or what was asked does not go together; the reason is on the standard error
  2    an argument is not known, cannot be understood or is outside its range; of `run`: the program was not started, else its own
  130  Ctrl-C before all that was asked was done; 143 for SIGTERM, else 128 and the signal

Colours go where NO_COLOR is set. Where standard output is no terminal, `top` prints a line a second.";

/// See inside a machine and the services on it.
#[derive(Debug, Parser)]
#[command(name = "mtaio", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) subcommand: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    Top(Top),
    Watch(Watch),
    Metrics(Metrics),
    CheckConfig(CheckConfig),
    Doctor(Doctor),
    Report(Report),
    Run(Run),
    Serve(Serve),
    Completions(Completions),
}

/// Run a Python program with a monitor beside it
///
/// The program runs unchanged; a summary at the end says what it used and what was slow. `mtaio run --help` of the Python
/// package has the options.
#[derive(Args, Debug)]
pub(super) struct Run {
    /// The program, and what is handed on to it
    #[arg(
        value_name = "OPTIONS, SCRIPT OR -m MODULE, ARGUMENTS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    program: Vec<OsString>,
}

impl Run {
    /// What was to be run.
    pub(super) fn words(&self) -> String {
        let words: Vec<_> = self.program.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }
}

/// Show this machine, or a process that serves its monitor, on a live screen
///
/// Panels for processors, memory, disks, network, pressure, processes and alerts. `?` explains the keys, q ends it; then
/// the terminal is given back, with a summary. Where standard output is no terminal, it is a line a second.
#[derive(Args, Debug)]
#[command(after_help = TOP_HELP)]
pub(super) struct Top {
    /// Show what is served there rather than this machine: http://127.0.0.1:8000/, or host:port
    #[arg(value_name = "URL", conflicts_with_all = ["interval", "config", "thresholds"])]
    pub(super) url: Option<String>,

    #[command(flatten)]
    pub(super) token: Token,

    #[command(flatten)]
    pub(super) sampling: Sampling,

    /// Show no colours, as with NO_COLOR
    #[arg(long)]
    pub(super) no_color: bool,

    /// Draw in ASCII alone, for terminals and fonts without braille
    #[arg(long)]
    pub(super) ascii: bool,

    /// Leave the mouse to the terminal, which then selects text with it
    #[arg(long)]
    pub(super) no_mouse: bool,
}

const TOP_HELP: &str = "\
Keys:
  Tab, 1 to 8, click        choose a panel; Enter or z shows it alone
  up, down, page, wheel     go along its rows
  /                         only rows with these letters; Esc clears
  s, < >, r                 processes by another column; reversed
  p, Space                  hold this moment; sampling goes on
  left, right, [ ], { }     back in time, and forwards
  + -                       charts of more time, of less
  Ctrl-Z, Ctrl-L            to the shell; draw everything anew
  q, Esc, Ctrl-C            end

Examples:
  mtaio top --interval 0.5 --threshold cpu_usage=80 --threshold memory_usage=90
  mtaio top http://127.0.0.1:8000/           what `mtaio serve`, `mtaio run --serve` and `monitor.serve()` tell";

// What a monitor of this machine is to do. No words for the help: those are the commands' own.
#[derive(Args, Debug)]
pub(super) struct Sampling {
    /// Seconds between two samples, from 0.001 to 86400; without it, those of --config, and without that, 1
    #[arg(short, long, value_name = "SECONDS", value_parser = config, allow_negative_numbers = true)]
    pub(super) interval: Option<Config>,

    /// Read settings, thresholds and destinations from a TOML file such as mtaio.toml
    ///
    /// Thresholds on what only a service records are left out, and named. Without this, no file is read.
    #[arg(short, long, value_name = "PATH")]
    pub(super) config: Option<PathBuf>,

    /// Alert when a metric goes above a value; may be given several times
    ///
    /// `mtaio metrics` lists the names.
    #[arg(short, long = "threshold", value_name = "METRIC=VALUE", value_parser = rule)]
    pub(super) thresholds: Vec<Rule>,
}

/// Print this machine's state, a line a sample
///
/// Alerts and the summary at the end of --json go to the standard error, so that the standard output holds nothing
/// but samples.
#[derive(Args, Debug)]
#[command(after_help = JSON_FIELDS)]
pub(super) struct Watch {
    #[command(flatten)]
    pub(super) sampling: Sampling,

    /// Print one JSON object a line
    #[arg(short, long)]
    pub(super) json: bool,

    /// End after so many samples
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
}

const JSON_FIELDS: &str = "\
With --json each line is one object with the fields of SystemStats:
  timestamp        seconds since the epoch
  cpu              usage_percent, load_average (1, 5, 15 minutes), thread_count, user_percent, …
  memory           total, available, used, percent, … (bytes)
  io               read_bytes, write_bytes, … since boot, and their *_per_second
  elapsed_seconds  what the rates and shares cover
  sequence         counts samples, missed ones included
  gap              whether the machine slept before this sample
A value that was not measured is null.

Example: mtaio watch --json | jq .cpu.usage_percent";

/// Say whether a configuration file can be used, with the line of every fault
///
/// Variables of the environment that stand in it must be set.
#[derive(Args, Debug)]
#[command(after_help = CHECK_CONFIG_HELP)]
pub(super) struct CheckConfig {
    /// The file, such as mtaio.toml; of a pyproject.toml the table tool.mtaio.monitoring
    #[arg(value_name = "PATH")]
    pub(super) file: PathBuf,
}

const CHECK_CONFIG_HELP: &str = "\
It ends with 0 where the file can be used, and lists its thresholds and destinations; with 1 where it cannot, and prints
all of its faults on the standard error.";

/// Say what can be read here, from where, what is missing and why, and what it costs
///
/// Reads everything some fifty times, in a fraction of a second.
#[derive(Args, Debug)]
#[command(after_help = DOCTOR_HELP)]
pub(super) struct Doctor {
    /// Seconds between two samples that the costs are held against, from 0.001 to 86400
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = config, allow_negative_numbers = true)]
    pub(super) interval: Config,

    /// Print one JSON object
    #[arg(short, long)]
    pub(super) json: bool,

    /// Read the proc and sys below this folder: those of a host, mounted into a container
    #[cfg(target_os = "linux")]
    #[arg(long, value_name = "FOLDER")]
    pub(super) root: Option<PathBuf>,
}

const DOCTOR_HELP: &str = "\
States: ok, partial (some fields are missing), missing. MEDIAN and WORST are what reading a section takes; of what is
read from time to time, when it is read.

It ends with 1 where cpu, load, memory or process cannot be read.";

/// Say what this machine did in some seconds; or show a saved profile, convert it, or compare it with another one
///
/// Without FILE this machine is watched, and with a URL what is served there: each metric's mean, extremes and percentiles,
/// the alerts, and the processes that used most. Of a profile it prints a table by name and the call tree, or another format.
#[derive(Args, Debug)]
#[command(after_help = REPORT_EXAMPLES)]
pub(super) struct Report {
    /// The profile, saved as JSON by `profile.save(path)`; - reads the standard input. Or http://127.0.0.1:8000/
    #[arg(value_name = "FILE|URL")]
    pub(super) file: Option<PathBuf>,

    /// Watch for so many seconds, from 1 to 86400; 10 without it
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) seconds: Option<u32>,

    #[command(flatten)]
    pub(super) sampling: Sampling,

    #[command(flatten)]
    pub(super) token: Token,

    /// Print what was watched as one JSON object
    #[arg(short, long, conflicts_with_all = ["format", "diff", "all"])]
    pub(super) json: bool,

    /// Write a profile in this format: json, chrome-trace, speedscope, collapsed or html
    ///
    /// Without it, the ending of --output decides, and without that, the profile is printed for people to read.
    #[arg(short, long, value_name = "FORMAT", value_parser = format, requires = "file")]
    pub(super) format: Option<Format>,

    /// Write to a file rather than to the standard output
    #[arg(short, long, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,

    /// Compare FILE, as what was before, with this one, as what came after
    #[arg(short, long, value_name = "OTHER", conflicts_with = "format", requires = "file")]
    pub(super) diff: Option<PathBuf>,

    /// Print every name and call of a profile, not only what fits a screen
    #[arg(short, long, conflicts_with = "format", requires = "file")]
    pub(super) all: bool,
}

const REPORT_EXAMPLES: &str = "\
Examples:
  mtaio report --seconds 60 --output minute.txt this machine, for a minute
  mtaio report --json http://127.0.0.1:8000/    a process that serves its monitor, for ten seconds
  mtaio report run.json                         the table and the call tree of a profile
  mtaio report run.json --output run.html       a page with a flame graph and a timeline
  mtaio report run.json --format chrome-trace > run.trace.json
                                                for Perfetto (https://ui.perfetto.dev) or about:tracing
  mtaio report before.json --diff after.json    what changed, by name

It ends with 130 at Ctrl-C before its seconds are over, and then tells of those that were.";

fn format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|error: mtaio_monitoring::MonitoringError| error.to_string())
}

fn config(text: &str) -> Result<Config, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Config::default().with_interval_seconds(seconds).map_err(|error| error.to_string())
}

fn rule(text: &str) -> Result<Rule, String> {
    let (metric, value) = text.split_once('=').ok_or("METRIC=VALUE is needed, as in cpu_usage=80")?;
    if BuiltIn::from_name(metric).is_none() {
        return Err("there is no such metric; `mtaio metrics` lists them".to_owned());
    }
    let value: f64 = value.parse().map_err(|_| "the value after = is not a number".to_owned())?;
    Rule::new(metric, value, RuleOptions::default()).map_err(|error| error.to_string())
}
