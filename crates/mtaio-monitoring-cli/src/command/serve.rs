//! `mtaio serve`: this machine over HTTP.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mtaio_monitoring_server::{Options, Server};

use super::arguments::Sampling;
use super::ending::{Ending, Failure};
use super::events::print_events;
use super::interrupts::Interrupts;
use super::token::Token;
use super::top::{end, started};

/// Watch this machine and tell it over HTTP: a page, the scrape of Prometheus, JSON and a stream of what changes
///
/// Prints where the page is. What a threshold finds goes to the standard error, and to the destinations of --config.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Serve {
    /// The address to listen on: an IP address, or localhost. Another one than the loopback needs a token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = host)]
    host: String,

    /// The port to listen on; 0 for one that is free
    #[arg(short, long, value_name = "PORT", default_value = "0")]
    port: u16,

    /// A name that clients may ask for, besides IP addresses and localhost; may be given several times
    #[arg(long = "name", value_name = "HOST", value_parser = name)]
    names: Vec<String>,

    #[command(flatten)]
    token: Token,

    #[command(flatten)]
    sampling: Sampling,
}

const HELP: &str = "\
Examples:
  mtaio serve                        at 127.0.0.1 and a port that is free, for you alone
  mtaio serve --port 9100 --threshold cpu_usage=90
  mtaio serve --host 0.0.0.0 --port 9100 --token-file /run/secrets/mtaio
  mtaio top http://127.0.0.1:9100/   what it tells, in a terminal

It ends with 0 at Ctrl-C or SIGTERM, and with 1 where it cannot listen.";

pub(super) fn run(arguments: &Serve) -> Result<Ending, Failure> {
    let mut options = Options::default().with_host(&arguments.host)?.with_port(arguments.port);
    for name in &arguments.names {
        options = options.with_name(name)?;
    }
    if let Some(token) = arguments.token.read()? {
        options = options.with_token(token)?;
    }
    let interrupts = Interrupts::listen(false)?;
    let monitor = Arc::new(started(&arguments.sampling)?);
    let server = Server::start(Arc::clone(&monitor), &options)?;
    let mut stdout = io::stdout();
    writeln!(stdout, "page: {}", server.url())?;
    stdout.flush()?;

    let look_every = Duration::from_nanos(monitor.config().interval_ns()).min(Duration::from_secs(1));
    let look_every = look_every.max(Duration::from_millis(100));
    // Both signals are its regular end: it has no other.
    while interrupts.wait(look_every).is_none() {
        print_events(&monitor);
        if server.is_closed() {
            return Err(io::Error::other("the server has ended by itself, which is a bug").into());
        }
    }
    end(&monitor);
    print_events(&monitor);
    Ok(Ending::Done)
}

fn host(text: &str) -> Result<String, String> {
    Options::default().with_host(text).map_err(|error| error.to_string()).map(|_| text.to_owned())
}

fn name(text: &str) -> Result<String, String> {
    Options::default().with_name(text).map_err(|error| error.to_string()).map(|_| text.to_owned())
}
