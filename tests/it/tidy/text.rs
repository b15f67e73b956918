//! What the structural tests know about text: words, links, and code without its comments.

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let after = &text[at + word.len()..];
        !text[..at].ends_with(is_word) && !after.starts_with(is_word)
    })
}

/// `folder` stands at the start of a path, not inside a longer one such as `target/tmp/`.
pub fn starts_a_path(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| !text[..at].ends_with(|c| is_word(c) || ".~$})".contains(c)))
}

/// What stands between single backticks.
pub fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Where the links of a document lead inside the repository, in the text or defined below it, without their `#part`;
/// fenced code is left out.
pub fn link_targets(document: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for (number, part) in document.split("```").enumerate() {
        if number % 2 == 1 {
            continue;
        }
        let inline = part.split("](").skip(1);
        let defined = part.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).map(|(_, rest)| rest);
        for rest in inline.chain(defined) {
            let target = rest.split([')', ' ', '#', '\n']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

/// The text of a Rust file with its comments blanked; lines keep their numbers.
pub fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (length, keep) = piece(rest, c, code.ends_with(is_word));
        let (taken, left) = rest.split_at(length);
        if keep {
            code.push_str(taken);
        } else {
            code.extend(taken.chars().filter(|c| *c == '\n'));
        }
        rest = left;
    }
    code
}

/// The length of the next comment, literal or character, and whether it is code.
fn piece(rest: &str, first: char, in_word: bool) -> (usize, bool) {
    let up_to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (up_to("*/", 2), false);
    }
    if first == 'r' && !in_word {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            return (up_to(&format!("\"{}", "#".repeat(hashes)), 2 + hashes), true);
        }
    }
    if first == '"' {
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return (at + 1, true),
                _ => {}
            }
        }
        return (rest.len(), true);
    }
    for quote in ["'\"'", "'\\\"'", "'\\''", "'\\\\'"] {
        if rest.starts_with(quote) {
            return (quote.len(), true);
        }
    }
    (first.len_utf8(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_code() {
        let check = |text: &str, expected: &str| assert_eq!(code_of(text), expected, "{text}");
        check("a // paho\nb", "a \nb");
        check("/* one\ntwo */ c", "\n c");
        check("\"https://x\" // y", "\"https://x\" ");
        check("'\"' // y", "'\"' ");
        check("r#\"// \"kept\"\"# // y", "r#\"// \"kept\"\"# ");
        check("\"\\\"// kept\" // y", "\"\\\"// kept\" ");
    }
}
