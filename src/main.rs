use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Takes memory in large pages where the system has them: a replay goes through tables of many megabytes at random, and
/// looking up where small pages lie took a tenth of its time on virtual machines.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    lambda_audit::cli::main()
}
