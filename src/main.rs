use std::process::ExitCode;

fn main() -> ExitCode {
    lambda_audit::cli::main()
}
