//! Does the value of an environment variable look like a credential? By gitleaks' rules (`data/gitleaks.toml`, as
//! version 8.30.1 ships them, unchanged; MIT, see NOTICE), which say what the credentials of each service look like.
//!
//! Not asked: rules of files, which an environment has none of; the rule whose only test is how random a value is; and
//! rules for what names a client without proving to be it. A value is looked at and forgotten: what is told of it is
//! the rule's id.

use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Captures, Regex, RegexBuilder};
use serde::Deserialize;

/// What decided, as a snapshot keeps it.
pub const RULES: &str = "gitleaks 8.30.1";

/// Randomness alone is no sign: ids, hashes and ARNs have it too.
const BY_CHANCE_ALONE: [&str; 1] = ["generic-api-key"];

/// Ids that everybody who is shown a page or a client gets to see.
const PUBLIC: [&str; 7] =
    ["-client-id", "-access-id", "-key-id", "-pub-key", "-pub-api-key", "-public-key", "-user-api-id"];

/// The rules that ship do not parse, or a pattern of theirs does not compile. A test holds that they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules for secrets cannot be used")]
pub struct Unusable;

/// The ids of the rules that the value of this variable matches, in the order of the file.
///
/// # Errors
/// [`Unusable`], where nothing can be said.
pub fn matching(name: &str, value: &str) -> Result<Vec<&'static str>, Unusable> {
    let rules = BUILT.as_ref().map_err(|unusable| *unusable)?;
    // Many rules look for the name of a service before the value.
    let line = format!("{name}=\"{value}\"");
    let lower = line.to_lowercase();
    let mut found = Vec::new();
    for rule in &rules.rules {
        if rule.keywords.iter().any(|keyword| lower.contains(keyword.as_str()))
            && rule.matches(rules, &line)?
        {
            found.push(rule.id.as_str());
        }
    }
    Ok(found)
}

static BUILT: LazyLock<Result<Rules, Unusable>> =
    LazyLock::new(|| Rules::parse(include_str!("../data/gitleaks.toml")).ok_or(Unusable));

#[derive(Debug)]
struct Rules {
    rules: Vec<Rule>,
    allowed: Allowed,
}

#[derive(Debug)]
struct Rule {
    id: String,
    pattern: Lazy,
    /// The group that is the credential, where it is not the first.
    group: Option<usize>,
    /// Bits per byte that the credential must have more of.
    entropy: f64,
    keywords: Vec<String>,
    allowed: Vec<Allowed>,
}

/// What looks like a credential and is known to be none.
#[derive(Debug)]
struct Allowed {
    regexes: Vec<Lazy>,
    stopwords: Vec<String>,
    of: Part,
    /// Every test must hold, and one of them is about paths: it never does.
    never: bool,
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Secret,
    Match,
    Line,
}

/// Compiled when it is first needed: most never are.
#[derive(Debug)]
struct Lazy(String, OnceLock<Option<Regex>>);

impl Lazy {
    fn new(pattern: &str) -> Self {
        Lazy(pattern.to_owned(), OnceLock::new())
    }

    /// The rules are written for a syntax whose classes are ASCII's.
    fn get(&self) -> Result<&Regex, Unusable> {
        let compile =
            || RegexBuilder::new(&translated(&self.0)).unicode(false).size_limit(64 << 20).build().ok();
        self.1.get_or_init(compile).as_ref().ok_or(Unusable)
    }
}

/// The same pattern in the syntax of `regex`, where a brace that counts nothing, and in a class a bracket, `&` and `~`,
/// must be escaped.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut in_class = false;
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => {
                out.push(letter);
                out.extend(rest.next());
                continue;
            }
            '[' if !in_class => {
                in_class = true;
                out.push(letter);
                // A bracket that closes nothing yet is one of the class.
                for first in ["^", "]"] {
                    if let Some(after) = rest.as_str().strip_prefix(first) {
                        out.push_str(if first == "]" { "\\]" } else { first });
                        rest = after.chars();
                    }
                }
                continue;
            }
            ']' => in_class = false,
            '[' | '&' | '~' if in_class => out.push('\\'),
            '{' if !in_class && !counts(rest.as_str()) => out.push('\\'),
            _ => {}
        }
        out.push(letter);
    }
    out
}

/// Is this, after a brace, a number of times?
fn counts(rest: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    rest.split_once('}').is_some_and(|(inner, _)| match inner.split_once(',') {
        Some((least, most)) => !least.is_empty() && digits(least) && digits(most),
        None => !inner.is_empty() && digits(inner),
    })
}

impl Rule {
    fn matches(&self, rules: &Rules, line: &str) -> Result<bool, Unusable> {
        for captures in self.pattern.get()?.captures_iter(line.as_bytes()) {
            let whole = captures.get(0).map_or(&b""[..], |hit| hit.as_bytes());
            let secret = secret(&captures, self.group).unwrap_or(whole);
            if self.entropy > 0.0 && entropy(secret) <= self.entropy {
                continue;
            }
            let mut excused = rules.allowed.holds(secret, whole, line)?;
            for allowed in &self.allowed {
                excused = excused || allowed.holds(secret, whole, line)?;
            }
            if !excused {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The group that is named, else the first that took part.
fn secret<'t>(captures: &Captures<'t>, group: Option<usize>) -> Option<&'t [u8]> {
    match group {
        Some(group) => captures.get(group),
        None => (1..captures.len()).find_map(|group| captures.get(group).filter(|hit| !hit.is_empty())),
    }
    .map(|hit| hit.as_bytes())
}

impl Allowed {
    fn holds(&self, secret: &[u8], whole: &[u8], line: &str) -> Result<bool, Unusable> {
        if self.never {
            return Ok(false);
        }
        let text = match self.of {
            Part::Secret => secret,
            Part::Match => whole,
            Part::Line => line.as_bytes(),
        };
        let mut by_regex = false;
        for regex in &self.regexes {
            by_regex = by_regex || regex.get()?.is_match(text);
        }
        let lower = String::from_utf8_lossy(secret).to_lowercase();
        let by_word = self.stopwords.iter().any(|word| lower.contains(word.as_str()));
        Ok(if self.all {
            (self.regexes.is_empty() || by_regex) && (self.stopwords.is_empty() || by_word)
        } else {
            by_regex || by_word
        })
    }
}

/// Shannon's entropy, in bits per byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let total = bytes.len() as f64;
    counts
        .into_iter()
        .filter(|count| *count > 0)
        .map(|count| f64::from(count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// The file as it is written. What is not read here has no meaning for a single value.
#[derive(Deserialize)]
struct File {
    allowlist: AllowedFile,
    rules: Vec<RuleFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleFile {
    id: String,
    regex: Option<String>,
    path: Option<String>,
    #[serde(default)]
    entropy: f64,
    #[serde(default)]
    keywords: Vec<String>,
    secret_group: Option<usize>,
    #[serde(default)]
    allowlists: Vec<AllowedFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllowedFile {
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    regex_target: Option<String>,
    condition: Option<String>,
}

impl Rules {
    fn parse(text: &str) -> Option<Self> {
        let file: File = toml::from_str(text).ok()?;
        let mut rules = Vec::new();
        for rule in file.rules {
            let of_files = rule.path.is_some() || rule.regex.is_none();
            let public = PUBLIC.iter().any(|end| rule.id.ends_with(end));
            if of_files || public || BY_CHANCE_ALONE.contains(&rule.id.as_str()) {
                continue;
            }
            rules.push(Rule {
                pattern: Lazy::new(&rule.regex?),
                group: rule.secret_group,
                entropy: rule.entropy,
                keywords: rule.keywords.iter().map(|keyword| keyword.to_lowercase()).collect(),
                allowed: rule.allowlists.into_iter().map(AllowedFile::read).collect::<Option<_>>()?,
                id: rule.id,
            });
        }
        Some(Rules { rules, allowed: file.allowlist.read()? })
    }
}

impl AllowedFile {
    /// `None`: a word that is not known, which may excuse less than it seems.
    fn read(self) -> Option<Allowed> {
        let all = match self.condition.as_deref() {
            None | Some("OR") => false,
            Some("AND") => true,
            Some(_) => return None,
        };
        let of = match self.regex_target.as_deref() {
            None | Some("secret") => Part::Secret,
            Some("match") => Part::Match,
            Some("line") => Part::Line,
            Some(_) => return None,
        };
        Some(Allowed {
            regexes: self.regexes.iter().map(|regex| Lazy::new(regex)).collect(),
            stopwords: self.stopwords.iter().map(|word| word.to_lowercase()).collect(),
            of,
            never: all && !self.paths.is_empty(),
            all,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Put together here: a text of this form in a file would be taken for a leak by whoever scans the repository.
    fn token(parts: &[&str]) -> String {
        parts.concat()
    }

    #[test]
    fn every_pattern_compiles() {
        let rules = BUILT.as_ref().unwrap();
        assert_eq!(rules.rules.len(), 201);
        for rule in &rules.rules {
            assert!(rule.pattern.get().is_ok(), "{}", rule.id);
            assert!(!rule.keywords.is_empty(), "{} would be tried on everything", rule.id);
        }
        let allowed = rules.rules.iter().flat_map(|rule| &rule.allowed).chain([&rules.allowed]);
        assert!(allowed.flat_map(|one| &one.regexes).all(|regex| regex.get().is_ok()));
    }

    #[test]
    fn patterns_keep_their_meaning() {
        for (from, to) in [
            (r"a{2,3}b{4}c{5,}", r"a{2,3}b{4}c{5,}"),
            (r"\$?{{[^}]+}}", r"\$?\{\{[^}]+}}"),
            (r"x|{\d+}", r"x|\{\d+}"),
            (r"\{\d{0,2}}", r"\{\d{0,2}}"),
            (r"[^]]+[]a]", r"[^\]]+[\]a]"),
            (r"[a[&~]\[[{]", r"[a\[\&\~]\[[{]"),
            (r"{,3}", r"\{,3}"),
        ] {
            assert_eq!(translated(from), to);
            assert!(Lazy::new(from).get().is_ok(), "{from}");
        }
    }

    #[test]
    fn credentials_are_found_by_their_form() {
        let github = token(&["ghp", "_", "xK3mQ8vB2nL7wR4tY9pZ1sD6fG5hJ0cA3eUo"]);
        let stripe = token(&["sk", "_live_", "4eC39HqLyjWDarjtT1zdp7dc"]);
        let slack = token(&["xox", "b-", "1234567890123-1234567890123-", "AbCdEfGhIjKlMnOpQrStUvWx"]);
        let key = token(&["AK", "IA", "QWERTYUI23456ZXC"]);
        let private = token(&[
            "-----BEGIN ",
            "PRIVATE KEY-----\n",
            &"MIIEvQIBADANBgkq".repeat(8),
            "\n-----END ",
            "PRIVATE KEY-----",
        ]);
        for (name, value, rule) in [
            ("GITHUB", &github, "github-pat"),
            ("PAY", &stripe, "stripe-access-token"),
            ("HOOK", &slack, "slack-bot-token"),
            ("ID", &key, "aws-access-token"),
            ("PEM", &private, "private-key"),
        ] {
            assert_eq!(matching(name, value).unwrap(), [rule], "{name}");
        }
        // In the middle of an address.
        let inside = format!("https://{github}@github.com/example/repository.git");
        assert_eq!(matching("REPOSITORY", &inside).unwrap(), ["github-pat"]);
        // Of some services only the name beside it tells.
        let value = token(&["8f14e45fceea167a", "5a36dedd4bea2543"]);
        assert_eq!(matching("SENDBIRD_ID", &value).unwrap(), Vec::<&str>::new());
        assert_eq!(matching("ADAFRUIT_KEY", &value).unwrap(), ["adafruit-api-key"]);
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        let github = token(&["ghp", "_", &"a".repeat(36)]);
        for (name, value) in [
            ("SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod-db-AbCdEf"),
            ("KMS_KEY_ID", "1234abcd-12ab-34cd-56ef-1234567890ab"),
            ("API_KEY_PARAMETER", "/prod/payments/api-key"),
            ("TOKEN_TABLE", "prod-token-table-9f8e7d6c5b4a"),
            ("PASSWORD_POLICY", "at-least-12-characters"),
            ("USER_POOL", "eu-west-1_AbCdEf123"),
            ("SESSION_TOKEN_HASH", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            ("EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
            ("DISCORD_CLIENT_ID", "123456789012345678"),
            ("REPEATED", github.as_str()),
            ("EMPTY", ""),
            ("", ""),
            ("PLACE", "${GITHUB_TOKEN}"),
        ] {
            assert_eq!(matching(name, value).unwrap(), Vec::<&str>::new(), "{name}");
        }
    }

    #[test]
    fn odd_texts_are_only_texts() {
        for value in ["\0", "\u{202e}\u{1f510}", "\"; ghp_", "a\nb\r\n", &"ghp_".repeat(10_000)] {
            assert!(matching("X", value).is_ok());
        }
        assert!((entropy(b"aabb") - 1.0).abs() < 1e-9 && entropy(b"").abs() < 1e-9);
    }
}
