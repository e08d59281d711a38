//! The program: parse, start logging, dispatch. The only place that ends the process.

use std::process::ExitCode;
use std::time::Duration;

use odooops::cli::{self, Cli, Exit, NotRead};
use odooops::telemetry;

/// How long what was given up may hold up the end.
const LINGER: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(NotRead::Usage(answer)) => return print_usage(&answer).code().into(),
        Err(NotRead::Refused(exit)) => return exit.code().into(),
    };
    let exit = match telemetry::start(&cli.telemetry, cli.default_log_filter(), cli.color_of_stderr()) {
        Ok(()) => run(cli),
        Err(problem) => cli.refuse(&problem.into()),
    };
    exit.code().into()
}

/// `--help` and `--version` are answers, the rest is wrong usage; a reader that went away is neither.
fn print_usage(answer: &clap::Error) -> Exit {
    match answer.print() {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => Exit::Infrastructure,
        Ok(()) | Err(_) if answer.use_stderr() => Exit::Usage,
        Ok(()) | Err(_) => Exit::Done,
    }
}

fn run(cli: Cli) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::run(cli));
            // A call into the kernel that was given up (a name, a file on a server that is away) may still hang.
            runtime.shutdown_timeout(LINGER);
            exit
        }
        Err(problem) => {
            cli.refuse(&anyhow::Error::new(problem).context("the machine gives no threads to work with"))
        }
    }
}
