//! The report as JSON: the shape of `lambda-audit schema report`.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

/// So many bytes are passed on at once.
const TOGETHER: usize = 64 << 10;

/// Writes any of the tool's JSON answers: indented, with a final newline.
///
/// # Errors
/// The writer's.
pub fn write(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    // A text comes in very many pieces, and which writer stands behind `out` is asked for each that is passed on.
    let mut together = BufWriter::with_capacity(TOGETHER, out);
    let written = serde_json::to_writer_pretty(&mut together, value).map_err(io::Error::from);
    match written.and_then(|()| together.write_all(b"\n")) {
        Ok(()) => together.flush(),
        Err(error) => {
            // What is left has nowhere to go.
            drop(together.into_parts());
            Err(error)
        }
    }
}
