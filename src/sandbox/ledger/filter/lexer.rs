//! The words and signs of a filter.

use super::Operator;
use crate::{codes, envelope::Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A property, a keyword, a scope or an integer; which of them is for the parser to say.
    Word(&'a str),
    /// What stands between two quotes. There is no escape \[C, 9\].
    Text(&'a str),
    /// `$1` and so on.
    Parameter(usize),
    Operator(Operator),
    /// The suffix `:time`, right behind a word.
    Time,
    Open,
    Close,
}

pub(super) fn tokens(filter: &str) -> Result<Vec<Token<'_>>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = filter;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            it if it.is_whitespace() => {
                rest = &rest[it.len_utf8()..];
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '=' => (Token::Operator(Operator::Equal), 1),
            '<' if rest[1..].starts_with('=') => (Token::Operator(Operator::LessOrEqual), 2),
            '<' => (Token::Operator(Operator::Less), 1),
            '>' if rest[1..].starts_with('=') => (Token::Operator(Operator::GreaterOrEqual), 2),
            '>' => (Token::Operator(Operator::Greater), 1),
            '\'' => match rest[1..].split_once('\'') {
                Some((text, _)) => (Token::Text(text), text.len() + 2),
                None => return Err(wrong("a quote is not closed")),
            },
            '$' => {
                let digits = run(&rest[1..], |it| it.is_ascii_digit());
                // Positions are counted from 1 \[D\].
                match digits.parse() {
                    Ok(position) if position > 0 => (Token::Parameter(position), digits.len() + 1),
                    Ok(_) | Err(_) => return Err(wrong("`$` must be followed by a number from 1")),
                }
            }
            ':' => {
                let suffix = run(&rest[1..], is_word);
                let behind_word = matches!(tokens.last(), Some(Token::Word(_)))
                    && filter[..filter.len() - rest.len()].ends_with(is_word);
                if suffix != "time" || !behind_word {
                    return Err(wrong("the only suffix is `:time`, right behind a property"));
                }
                (Token::Time, 5)
            }
            it if is_word(it) => {
                let word = run(rest, is_word);
                (Token::Word(word), word.len())
            }
            it => return Err(wrong(format!("`{it}` has no meaning here"))),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// Names have letters, digits and `_` \[D\] and also `-` \[T\]; dots join them.
fn is_word(it: char) -> bool {
    it.is_alphanumeric() || matches!(it, '_' | '-' | '.')
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    text.find(|it| !belongs(it)).map_or(text, |end| &text[..end])
}

pub(super) fn wrong(detail: impl Into<String>) -> Refusal {
    codes::FILTER.because(detail).field("filter")
}
