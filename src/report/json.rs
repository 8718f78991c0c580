//! The report as JSON: the shape of `lambda-audit schema report`.

use std::io::{self, Write};

use serde::Serialize;

/// Writes any of the tool's JSON answers: indented, with a final newline.
///
/// # Errors
/// The writer's.
pub fn write(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}
