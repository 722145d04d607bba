//! The spelling of built-in names inside filters and groupings: the header `Name-Set` (facts, section 3).

use serde::{Deserialize, Serialize};

/// Which spellings a request may use. Fields of bodies are snake_case whatever it says \[S, 3\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameSet {
    pub(crate) snake: bool,
    pub(crate) camel: bool,
}

impl Default for NameSet {
    /// Clients that send no header used snake names \[H, C, 3\].
    fn default() -> NameSet {
        NameSet { snake: true, camel: false }
    }
}

impl NameSet {
    /// Reads the header: a list separated by `|`; unknown words are ignored \[H; C, 14 row 3\].
    pub(crate) fn read(header: Option<&str>) -> NameSet {
        let mut names = NameSet { snake: false, camel: false };
        for word in header.unwrap_or_default().split('|') {
            match word.trim() {
                "snake" => names.snake = true,
                "camel" => names.camel = true,
                _ => {}
            }
        }
        if names.snake || names.camel { names } else { NameSet::default() }
    }

    /// Whether `given` spells the built-in name `snake`; names of one word are the same in both sets \[T, 3\].
    pub(crate) fn spells(self, given: &str, snake: &str) -> bool {
        let one_word = !snake.contains('_');
        (given == snake && (one_word || self.snake)) || (self.camel && !one_word && given == camel(snake))
    }
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let set = |snake, camel| NameSet { snake, camel };
        for (header, names) in [
            (None, set(true, false)),
            (Some("snake"), set(true, false)),
            (Some("camel"), set(false, true)),
            (Some("camel|snake"), set(true, true)),
            (Some("kebab | camel"), set(false, true)),
            (Some("kebab"), set(true, false)),
            (Some(""), set(true, false)),
            (Some("Camel"), set(true, false)),
        ] {
            assert_eq!(NameSet::read(header), names, "{header:?}");
        }
    }

    #[test]
    fn spellings() {
        for (names, given, spelt) in [
            ("snake", "source_account_id", true),
            ("snake", "sourceAccountId", false),
            ("camel", "sourceAccountId", true),
            ("camel", "source_account_id", false),
            ("camel|snake", "sourceAccountId", true),
            ("camel|snake", "source_account_id", true),
            ("camel", "SourceAccountId", false),
        ] {
            assert_eq!(
                NameSet::read(Some(names)).spells(given, "source_account_id"),
                spelt,
                "{names} {given}"
            );
        }
        for names in ["snake", "camel"] {
            assert!(NameSet::read(Some(names)).spells("tags", "tags"));
            assert!(!NameSet::read(Some(names)).spells("Tags", "tags"));
        }
    }
}
