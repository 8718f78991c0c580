//! The generated parts of the documentation: references made from the declarations, policies, schemas and command
//! line themselves, so that no page can say something else than the program does. Pure: texts in, texts out;
//! `tests/generated.rs` compares them with the committed files and writes those on request.

mod command_line;
mod facts;
mod policies;
mod schema;

pub use command_line::cli_reference;
pub use facts::facts_reference;
pub use policies::{policy_index, policy_page, policy_reference, policy_table};
pub use schema::{members, paths};

/// The first line of a file that is generated as a whole.
pub const NOTE: &str = "<!-- Generated: BLESS=1 cargo test --test generated writes it, cargo test fails if it is out of date. -->\n";

const END: &str = "<!-- end generated -->";

fn begin(name: &str) -> String {
    format!("<!-- generated: {name} -->")
}

/// The names of a page's generated regions, in order. A region stands between `<!-- generated: NAME -->` and
/// `<!-- end generated -->`, each on its own line.
pub fn regions(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("<!-- generated: ")?.strip_suffix(" -->")).collect()
}

/// A page whose region could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page has no region `{name}` between `{}` and `{END}`", begin(.name))]
pub struct NoRegion {
    pub name: String,
}

/// The page with the region's text replaced.
///
/// # Errors
/// [`NoRegion`] if the page has none of that name, or does not end it.
pub fn with_region(page: &str, name: &str, text: &str) -> Result<String, NoRegion> {
    let marker = begin(name);
    let missing = || NoRegion { name: name.to_owned() };
    let (before, rest) = page.split_once(&format!("{marker}\n")).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&format!("{END}\n")).ok_or_else(missing)?;
    Ok(format!("{before}{marker}\n{}\n{END}\n{after}", text.trim_end()))
}

/// Text for a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Words as code, with commas between; a dash where there are none.
fn codes<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = words.into_iter().map(|word| format!("`{}`", cell(word.as_ref()))).collect();
    if all.is_empty() { "–".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n<!-- generated: x -->\nold\n<!-- end generated -->\ntext\n<!-- generated: y -->\n\
                        <!-- end generated -->\n";

    #[test]
    fn a_region_is_replaced_and_nothing_else() {
        assert_eq!(regions(PAGE), ["x", "y"]);
        let page = with_region(PAGE, "x", "new\nlines\n").unwrap();
        assert_eq!(page, PAGE.replace("old\n", "new\nlines\n"));
        assert_eq!(with_region(&page, "x", "old").unwrap(), PAGE);
    }

    #[test]
    fn a_region_that_is_not_there_or_not_ended_is_an_error() {
        assert_eq!(with_region(PAGE, "z", ""), Err(NoRegion { name: "z".to_owned() }));
        assert!(with_region("<!-- generated: x -->\nno end\n", "x", "").is_err());
    }

    #[test]
    fn cells_do_not_break_their_table() {
        assert_eq!(cell("a | b\nc"), "a \\| b c");
        assert_eq!(codes(["a", "b"]), "`a`, `b`");
        assert_eq!(codes(Vec::<String>::new()), "–");
    }
}
