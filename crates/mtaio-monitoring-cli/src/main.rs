//! The `mtaio` command.

fn main() {
    std::process::exit(mtaio_monitoring_cli::run(std::env::args_os()));
}
