//! Where a run's outputs go: `--output FORMAT` to standard output, `--output FORMAT=PATH` to a file. A file is written
//! whole or not at all: beside the old one first, then in its place.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Failure;

/// The formats a report can be written in. Every other answer is text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Sarif,
    Junit,
    Csv,
    Markdown,
    Github,
    Ocsf,
    Html,
}

impl Format {
    const ALL: [(&'static str, Format); 9] = [
        ("text", Format::Text),
        ("json", Format::Json),
        ("sarif", Format::Sarif),
        ("junit", Format::Junit),
        ("csv", Format::Csv),
        ("markdown", Format::Markdown),
        ("github", Format::Github),
        ("ocsf", Format::Ocsf),
        ("html", Format::Html),
    ];

    fn name(self) -> &'static str {
        Format::ALL.into_iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
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
                let known = known.join(", ");
                Err(format!("unknown format `{name}`: use one of {known}, alone or as FORMAT=PATH"))
            }
        }
    }
}

/// The outputs of a command whose answer is no report: text or JSON.
pub(crate) fn checked(outputs: &[Output]) -> Result<Vec<Output>, Failure> {
    if let Some(other) = outputs.iter().find(|one| !matches!(one.format, Format::Text | Format::Json)) {
        return Err(Failure::Usage(format!(
            "only reports are written as {}: this command writes text or json",
            other.format.name()
        )));
    }
    checked_report(outputs)
}

/// The outputs of a command that writes a report: at most one goes to standard output.
pub(crate) fn checked_report(outputs: &[Output]) -> Result<Vec<Output>, Failure> {
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
        Some(path) => to_file(path, render),
    };
    result.map_err(|error| Failure::Write { to, error })
}

/// Writes a file so that nobody ever sees a part of it, and an old one stays if this fails. What is no regular file
/// (a device, a pipe) is written to as it is.
pub(crate) fn to_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let into = |file: File, render: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>| {
        let mut out = BufWriter::new(file);
        render(&mut out).and_then(|()| out.flush())
    };
    let mut render = Some(render);
    let mut once = |out: &mut dyn Write| match render.take() {
        Some(render) => render(out),
        None => Ok(()),
    };
    let old = fs::metadata(path);
    if old.as_ref().is_ok_and(|old| !old.is_file()) {
        return into(fs::OpenOptions::new().write(true).open(path)?, &mut once);
    }
    // A link stays a link: what it leads to is replaced.
    let target = if old.is_ok() { fs::canonicalize(path)? } else { path.to_path_buf() };
    let (temporary, file) = beside(&target)?;
    let written = into(file, &mut once).and_then(|()| {
        if let Ok(old) = &old {
            fs::set_permissions(&temporary, old.permissions())?;
        }
        fs::rename(&temporary, &target)
    });
    if written.is_err() {
        // The first error says more than one of tidying up.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// A new file in the same directory. Nobody else's is opened, whoever put one there.
fn beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    for attempt in 0..100u32 {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}-{attempt}.partial", std::process::id()));
        let temporary = target.with_file_name(temporary);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_parse_and_only_one_may_use_standard_output() {
        let output = |text: &str| text.parse::<Output>();
        assert_eq!(output("text").unwrap(), Output { format: Format::Text, path: None });
        assert_eq!(output("json=a=b").unwrap().path, Some(PathBuf::from("a=b")));
        assert!(output("jsn").unwrap_err().contains("unknown format `jsn`: use one of text, json, sarif"));
        assert!(output("json=").is_err());
        let both = [output("text").unwrap(), output("json").unwrap()];
        assert!(checked(&both).is_err());
        assert_eq!(checked(&[]).unwrap().len(), 1);
        let same = [output("text=x").unwrap(), output("json=x").unwrap()];
        assert!(checked(&same).is_err());
        let sarif = [output("sarif").unwrap()];
        assert!(checked(&sarif).is_err() && checked_report(&sarif).is_ok());
    }

    #[test]
    fn a_file_that_could_not_be_written_whole_leaves_the_old_one_and_nothing_else() {
        let directory = std::env::temp_dir().join(format!("lambda-audit-output-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("run.json");
        to_file(&path, |out| out.write_all(b"old")).unwrap();
        let failed = to_file(&path, |out| {
            out.write_all(b"half of the new")?;
            Err(io::Error::other("no space"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        to_file(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(&directory).unwrap();
    }
}
