//! Where a run's outputs go: `--output FORMAT` to standard output, `--output FORMAT=PATH` to a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;

use super::Failure;

/// The formats a report can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Format {
    const ALL: [(&'static str, Format); 2] = [("text", Format::Text), ("json", Format::Json)];
}

/// One `--output`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// `None`: standard output.
    pub(crate) path: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((_, "")) => return Err("a path must follow the `=`".to_owned()),
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        match Format::ALL.into_iter().find(|(known, _)| *known == name) {
            Some((_, format)) => Ok(Output { format, path }),
            None => {
                let known: Vec<&str> = Format::ALL.into_iter().map(|(name, _)| name).collect();
                Err(format!("unknown format `{name}`: use {}, alone or as FORMAT=PATH", known.join(" or ")))
            }
        }
    }
}

/// The outputs of a command, checked: at most one goes to standard output.
pub(crate) fn checked(outputs: &[Output]) -> Result<Vec<Output>, Failure> {
    if outputs.is_empty() {
        return Ok(vec![Output { format: Format::Text, path: None }]);
    }
    if outputs.iter().filter(|output| output.path.is_none()).count() > 1 {
        return Err(Failure::Usage(
            "two outputs go to standard output: give all but one a file, as in --output json=run.json"
                .to_owned(),
        ));
    }
    for (at, output) in outputs.iter().enumerate() {
        if output.path.is_some() && outputs.iter().skip(at + 1).any(|other| other.path == output.path) {
            return Err(Failure::Usage("two outputs go to the same file".to_owned()));
        }
    }
    Ok(outputs.to_vec())
}

/// Lets `render` write to where the output goes. A standard output that nobody reads any more is a normal end of that
/// output, and of nothing else: the others are written, and the exit code stays what it is.
pub(crate) fn write(
    output: &Output,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let to = output.path.as_ref().map_or("standard output".to_owned(), |path| path.display().to_string());
    let result = match &output.path {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            match render(&mut out).and_then(|()| out.flush()) {
                // Nobody reads on (`| head`): a normal end of this output. The others are still written, and the
                // exit code stays the run's: findings are findings, whoever listens.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    // What is left in the buffer has nowhere to go.
                    drop(out.into_parts());
                    Ok(())
                }
                other => other,
            }
        }
        Some(path) => File::create(path).and_then(|file| {
            let mut out = BufWriter::new(file);
            render(&mut out).and_then(|()| out.flush())
        }),
    };
    result.map_err(|error| Failure::Write { to, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_parse_and_only_one_may_use_standard_output() {
        let output = |text: &str| text.parse::<Output>();
        assert_eq!(output("text").unwrap(), Output { format: Format::Text, path: None });
        assert_eq!(output("json=a=b").unwrap().path, Some(PathBuf::from("a=b")));
        assert!(output("jsn").unwrap_err().contains("unknown format `jsn`: use text or json"));
        assert!(output("json=").is_err());
        let both = [output("text").unwrap(), output("json").unwrap()];
        assert!(checked(&both).is_err());
        assert_eq!(checked(&[]).unwrap().len(), 1);
        let same = [output("text=x").unwrap(), output("json=x").unwrap()];
        assert!(checked(&same).is_err());
    }
}
