//! Embeds `policies/**/*.yaml` and the demo: writes lists of (path, contents) that `policy::bundled` and `cli::demo`
//! include.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=policies");
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let policies = list(&root.join("policies"), "str", "include_str", |path| ends_with(path, ".yaml"))?;
    fs::write(out.join("bundled_policies.rs"), policies)?;
    let demo = list(&root.join("fixtures/accounts/demo"), "[u8]", "include_bytes", |path| {
        ends_with(path, ".json.gz") || ends_with(path, ".jsonl")
    })?;
    fs::write(out.join("demo_files.rs"), demo)?;
    println!("cargo::rustc-env=LAMBDA_AUDIT_MAKERS={:016x}", makers(&root)?);
    Ok(())
}

/// A sum over the code and the lists that make facts and verdicts out of records: what a store keeps of another
/// version of them is read anew. FNV-1a, since it only has to differ.
fn makers(root: &Path) -> Result<u64, Box<dyn Error>> {
    let mut files = Vec::new();
    for part in MAKERS {
        let file = root.join(format!("{part}.rs"));
        if file.is_file() {
            println!("cargo::rerun-if-changed={}", file.display());
            files.push((format!("{part}.rs"), file));
        }
        let directory = root.join(part);
        if directory.is_dir() {
            collect(root, &directory, |_| true, &mut files)?;
        }
    }
    files.sort();
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for (name, path) in files {
        println!("cargo::rerun-if-changed={}", path.display());
        // A checkout may end its lines in another way.
        let bytes = fs::read(path)?.into_iter().filter(|byte| *byte != b'\r');
        for byte in name.bytes().chain([0]).chain(bytes).chain([0]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(sum)
}

const MAKERS: [&str; 20] = [
    "data",
    "src/arn",
    "src/audit",
    "src/engine",
    "src/exposure",
    "src/facts",
    "src/findings",
    "src/hashed",
    "src/lists",
    "src/moment",
    "src/network",
    "src/ordered",
    "src/policy",
    "src/short",
    "src/sixteen",
    "src/store/entry",
    "src/timeline",
    "src/trail",
    "src/trust",
    "src/value",
];

fn ends_with(path: &Path, end: &str) -> bool {
    path.to_string_lossy().ends_with(end)
}

/// Code that lists the files below a directory.
fn list(root: &Path, ty: &str, include: &str, wanted: fn(&Path) -> bool) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    if root.is_dir() {
        collect(root, root, wanted, &mut files)?;
    }
    files.sort();
    let mut code = format!("static FILES: &[(&str, &{ty})] = &[\n");
    for (name, path) in files {
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(code, "    ({name:?}, {include}!({:?})),", path.display().to_string())?;
    }
    code.push_str("];\n");
    Ok(code)
}

/// The wanted files below a directory, with their paths below `root`, `/` between the parts on every system.
fn collect(
    root: &Path,
    dir: &Path,
    wanted: fn(&Path) -> bool,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, wanted, files)?;
        } else if wanted(&path) {
            let below = path.strip_prefix(root)?;
            let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            files.push((parts.join("/"), path));
        }
    }
    Ok(())
}
