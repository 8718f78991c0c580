use super::Failure;
use super::common::CommonArgs;
use crate::findings::gate::Exit;
/// stub
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_args: &Args, _common: &CommonArgs) -> Result<Exit, Failure> {
    Ok(Exit::Passed)
}
