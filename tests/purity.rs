//! Invariant 1: what judges reads no file, network, environment, clock, standard stream or terminal, and does not
//! reach for the modules that do.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;
use support::{files_below, root};

/// Each a file `src/NAME.rs` and, where there is one, the directory `src/NAME/`.
const PURE: [&str; 15] = [
    "arn", "config", "engine", "export", "exposure", "facts", "findings", "identity", "lists", "logging",
    "policy", "report", "timeline", "trust", "watch",
];
/// Also pure, without a directory.
const PURE_FILES: [&str; 2] = ["moment.rs", "value.rs"];

/// What a pure module may not mention, and what that would be. `std::net`'s address types are values: the rest of it
/// is the network.
const FORBIDDEN: [(&str, &str); 14] = [
    (r"\bstd::fs\b|\bfs::[a-z]", "files"),
    (r"\bFile::(open|create|options)|\bOpenOptions\b", "files"),
    (r"\bstd::env\b|\benv::(var|args|current_dir|temp_dir|consts)", "the environment"),
    (r"\bstd::process\b|\bprocess::(exit|Command|abort|id)", "processes"),
    (r"\bTcp(Stream|Listener)\b|\bUdpSocket\b|\bToSocketAddrs\b|\bstd::os::", "the network"),
    (r"\bstd::\{[^;]*\b(fs|env|process)\b[^;]*\}", "a module of the system"),
    (
        r"\b(std)?in\(\)|\bio::(stdin|stdout|stderr|Stdin|Stdout|Stderr|IsTerminal)\b|\bstd(out|err)\(\)",
        "standard streams",
    ),
    (r"\bio::\{[^;]*\b(stdin|stdout|stderr|IsTerminal)\b[^;]*\}", "standard streams"),
    (r"\b(e?print(ln)?|dbg)!", "standard streams"),
    (r"\bSystemTime\b|\bInstant\b|\bUNIX_EPOCH\b", "a clock"),
    (r"\b(Timestamp|Zoned)::now\b|::now\(\)", "a clock"),
    (r"\bthread::(sleep|current)|\brand::|\bRandomState\b", "chance"),
    (r"\bTimeZone::system\b", "the environment"),
    (r"\bcrate::(cli|term|audit)\b", "a module that is not pure"),
];

/// Compiled once.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| FORBIDDEN.map(|(pattern, what)| (Regex::new(pattern).unwrap(), what)).to_vec());
static COMMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(^|[^:])//").unwrap());

fn sources() -> Vec<PathBuf> {
    let src = root().join("src");
    let mut files: Vec<PathBuf> = PURE_FILES.iter().map(|name| src.join(name)).collect();
    for name in PURE {
        files.push(src.join(format!("{name}.rs")));
        files.extend(files_below(&src.join(name)));
    }
    files.retain(|path| path.exists());
    files
}

/// The code of a file: without comments, and without what is compiled for tests only.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut test_only = false;
    for line in text.lines() {
        // A module of tests stands last, or is a file of its own; it ends with a brace in the first column.
        if line == "#[cfg(test)]" {
            test_only = true;
        }
        let (ends_block, ends_item) = (line == "}", line.starts_with("mod ") && line.ends_with(';'));
        // `//` after a colon belongs to a link.
        let line = COMMENT.find(line).map_or(line, |hit| line.get(..hit.start()).unwrap());
        if !test_only {
            out.push_str(line);
        }
        // Lines keep their numbers.
        out.push('\n');
        if test_only && (ends_block || ends_item) {
            test_only = false;
        }
    }
    out
}

fn mentions(text: &str) -> Vec<String> {
    let code = code(text);
    let mut found = Vec::new();
    for (pattern, what) in PATTERNS.iter() {
        for hit in pattern.find_iter(&code) {
            let line = code[..hit.start()].matches('\n').count() + 1;
            found.push(format!("{line}: `{}` is {what}", hit.as_str()));
        }
    }
    found
}

#[test]
fn pure_modules_mention_no_file_network_environment_clock_or_stream() {
    let sources = sources();
    assert!(sources.len() >= 60, "only {} files: has a module moved?", sources.len());
    let mut wrong = Vec::new();
    for path in sources {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "tests.rs" || name.ends_with("_tests.rs") {
            continue;
        }
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        wrong.extend(mentions(&text).into_iter().map(|mention| format!("{shown}:{mention}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The search does find what it looks for: every kind of mention that the command line rightly makes, and each
/// pattern on a line of its own.
#[test]
fn the_search_finds_mentions_where_they_are() {
    let mut found = String::new();
    for path in files_below(&root().join("src/cli")).into_iter().chain([root().join("src/term.rs")]) {
        found.push_str(&mentions(&fs::read_to_string(path).unwrap()).join("\n"));
    }
    for what in ["files", "the environment", "standard streams", "a clock", "a module that is not pure"] {
        assert!(found.contains(&format!("is {what}")), "{what}: not found in the command line\n{found}");
    }
    for line in [
        "use std::fs;",
        "use std::{fs, io};",
        "let file = File::open(path)?;",
        "std::env::var(\"HOME\")",
        "std::process::exit(1)",
        "TcpStream::connect(a)",
        "io::stdin().lock()",
        "use std::io::{self, stdout};",
        "println!(\"x\");",
        "eprint!(\"x\");",
        "SystemTime::now()",
        "Instant::now()",
        "Timestamp::now()",
        "jiff::Zoned::now()",
        "use crate::term;",
    ] {
        assert!(!mentions(line).is_empty(), "{line} is not found");
    }
    // What is no mention: comments, tests, links, compile-time text.
    let fine = "// std::fs\n/// SystemTime\nlet a = \"https://example.com/\"; // println!\n\
                const T: &str = include_str!(\"x\");\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert_eq!(mentions(fine), Vec::<String>::new());
    let after = "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\nuse std::fs;\n";
    assert_eq!(mentions(after).len(), 1, "what follows tests is searched");
    let link = "let a = \"https://x/\"; use std::env;\n";
    assert_eq!(mentions(link).len(), 1, "a link does not end the code of its line");
}
