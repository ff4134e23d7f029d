//! The `lemming` program: parse, run, exit code.

use std::process::ExitCode;

use lemming::cli;
use lemming::config::Environment;
use lemming::runner::lambda;
#[cfg(unix)]
use lemming::sandbox;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    // Before there are threads: what a process gives up, it gives up thread by thread.
    #[cfg(unix)]
    if sandbox::helper::is_asked_for(&environment) {
        return sandbox::helper::main();
    }
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    // Spawned, so that it runs on a worker: a hop between tasks of one worker is cheap.
    let run = runtime.block_on(async {
        match lambda::is_asked_for(&environment) {
            true => tokio::spawn(lambda::serve(environment)).await,
            false => tokio::spawn(cli::run(environment)).await,
        }
    });
    // Whatever a killed call left behind is not waited for.
    runtime.shutdown_background();
    run.unwrap_or(ExitCode::FAILURE)
}
