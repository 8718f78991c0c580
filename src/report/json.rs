//! The report as JSON: the shape of `lambda-audit schema report`.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

const TOGETHER: usize = 64 << 10;

/// Writes any of the tool's JSON answers: indented, with a final newline.
///
/// # Errors
/// The writer's.
pub fn write(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    // A text is written in very many pieces: each is only copied, and many are passed on at once.
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
