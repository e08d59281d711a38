//! Python literals, as far as `ast.literal_eval` takes them in manifests; nothing is ever executed.
//!
//! Strings (prefixes, triple quotes, escapes, neighbours joined), numbers, lists, tuples, sets, dicts,
//! `True`, `False`, `None`, comments. Not here: complex numbers and f-strings (Odoo refuses the latter too).

mod strings;

use std::fmt;

use strings::is_string_prefix;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An integer or float, as written.
    Number(String),
    /// A string; bytes are kept as text.
    Text(String),
    /// A list, tuple or set.
    Items(Vec<Literal>),
    /// A dict in the order written.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// The value under a text key of a dict; of equal keys the last wins, as in Python.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Literal> {
        let Self::Dict(pairs) = self else { return None };
        pairs
            .iter()
            .rev()
            .find(|(name, _)| matches!(name, Self::Text(text) if text == key))
            .map(|(_, value)| value)
    }
}

/// Where the text stops being a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for LiteralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for LiteralError {}

/// Deeper nesting is refused, so that no input can exhaust the stack.
const MAX_DEPTH: usize = 64;

/// Parses one literal with nothing but space and comments around it.
///
/// # Errors
/// [`LiteralError`] with the line at which it stops being a literal.
pub fn parse(text: &str) -> Result<Literal, LiteralError> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, depth: 0 };
    parser.skip_space();
    let value = parser.value()?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(value),
        Some(other) => Err(parser.error(format!("unexpected {other:?} after the value"))),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c))
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn error(&self, problem: impl Into<String>) -> LiteralError {
        let before = &self.chars[..self.at.min(self.chars.len())];
        let line = 1 + before.iter().filter(|c| **c == '\n').count();
        LiteralError { line, problem: problem.into() }
    }

    fn skip_space(&mut self) {
        while let Some(c) = self.peek() {
            if c == '#' {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            } else if c.is_whitespace() {
                self.at += 1;
            } else if self.looking_at("\\\n") {
                self.at += 2;
            } else if self.looking_at("\\\r\n") {
                self.at += 3;
            } else {
                return;
            }
        }
    }

    fn value(&mut self) -> Result<Literal, LiteralError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let value = match self.peek() {
            None => Err(self.error("the text ends where a value should be")),
            Some('{') => self.dict_or_set(),
            Some('[') => self.items(']'),
            Some('(') => self.parenthesis(),
            Some('"' | '\'') => self.strings(),
            Some(c) if c.is_ascii_digit() || matches!(c, '.' | '-' | '+') => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.word(),
            Some(other) => Err(self.error(format!("unexpected {other:?}"))),
        };
        self.depth -= 1;
        value
    }

    /// Values up to `close`, the opening bracket included; says whether there was a comma.
    fn sequence(&mut self, close: char) -> Result<(Vec<Literal>, bool), LiteralError> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            self.skip_space();
            if self.take(close) {
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return Err(self.error(format!("',' or '{close}' is missing")));
            }
            items.push(self.value()?);
            self.skip_space();
            let more = self.take(',');
            comma |= more;
            if !more {
                if self.take(close) {
                    return Ok((items, comma));
                }
                return Err(self.error(format!("',' or '{close}' is missing")));
            }
        }
    }

    fn items(&mut self, close: char) -> Result<Literal, LiteralError> {
        self.sequence(close).map(|(items, _)| Literal::Items(items))
    }

    fn parenthesis(&mut self) -> Result<Literal, LiteralError> {
        let (mut items, comma) = self.sequence(')')?;
        match (items.len(), comma) {
            (1, false) => Ok(items.remove(0)),
            _ => Ok(Literal::Items(items)),
        }
    }

    fn dict_or_set(&mut self) -> Result<Literal, LiteralError> {
        let start = self.at;
        self.at += 1;
        let mut pairs = Vec::new();
        loop {
            self.skip_space();
            if self.take('}') {
                return Ok(Literal::Dict(pairs));
            }
            let key = self.value()?;
            self.skip_space();
            if !self.take(':') {
                if pairs.is_empty() && matches!(self.peek(), Some(',' | '}')) {
                    self.at = start;
                    return self.items('}');
                }
                return Err(self.error("':' is missing after a key"));
            }
            self.skip_space();
            let value = self.value()?;
            pairs.push((key, value));
            self.skip_space();
            if !self.take(',') && self.peek() != Some('}') {
                return Err(self.error("',' or '}' is missing"));
            }
        }
    }

    fn number(&mut self) -> Result<Literal, LiteralError> {
        let mut text = String::new();
        while let Some(sign) = self.peek().filter(|c| matches!(c, '-' | '+')) {
            text.push(sign);
            self.at += 1;
            self.skip_space();
        }
        let digits = self.at;
        while let Some(c) = self.peek() {
            let exponent_sign = matches!(c, '-' | '+')
                && self.at > digits
                && matches!(self.chars.get(self.at - 1), Some('e' | 'E'));
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || exponent_sign) {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        if text.chars().any(|c| c.is_ascii_digit()) {
            Ok(Literal::Number(text))
        } else {
            Err(self.error(format!("{text:?} is no number")))
        }
    }

    fn word(&mut self) -> Result<Literal, LiteralError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        let quoted = matches!(self.peek(), Some('"' | '\''));
        match word.as_str() {
            "None" => Ok(Literal::None),
            "True" => Ok(Literal::Bool(true)),
            "False" => Ok(Literal::Bool(false)),
            _ if quoted && is_string_prefix(&word) => {
                self.at = start;
                self.strings()
            }
            _ => {
                self.at = start;
                Err(self.error(format!("{word:?} is a name or call; only plain values are allowed")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Literal, parse};

    fn text(value: &str) -> Literal {
        Literal::Text(value.to_owned())
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        for (source, value) in [
            ("None", Literal::None),
            (" \n# c\nTrue # d", Literal::Bool(true)),
            ("-1", Literal::Number("-1".into())),
            ("1_000.5e-3", Literal::Number("1_000.5e-3".into())),
            ("'a' \"b\"\n'c'", text("abc")),
            ("'''a\nb'''", text("a\nb")),
            ("\"\"\"it's \"quoted\" \"\"\"", text("it's \"quoted\" ")),
            (r"'\n\x41\u00e9\101\q\\'", text("\nA\u{e9}A\\q\\")),
            (r"r'\n' u'x' b'y'", text("\\nxy")),
            ("'a\\\nb'", text("ab")),
            ("('a'\n 'b')", text("ab")),
            ("('a',)", Literal::Items(vec![text("a")])),
            ("()", Literal::Items(vec![])),
            ("[1, 2,]", Literal::Items(vec![Literal::Number("1".into()), Literal::Number("2".into())])),
            ("{'a', 'b'}", Literal::Items(vec![text("a"), text("b")])),
            ("{}", Literal::Dict(vec![])),
            ("{'a': [],}", Literal::Dict(vec![(text("a"), Literal::Items(vec![]))])),
        ] {
            assert_eq!(parse(source).as_ref(), Ok(&value), "{source}");
        }
    }

    #[test]
    fn wrong_literals_name_the_line() {
        for (source, line, problem) in [
            ("", 1, "the text ends where a value should be"),
            ("{\n'a': 1\n'b': 2}", 3, "',' or '}' is missing"),
            ("{\n'a': 1\n", 3, "',' or '}' is missing"),
            ("{\n'a' 1}", 2, "':' is missing after a key"),
            ("[1\n2]", 2, "',' or ']' is missing"),
            ("{'a':\n open('x')}", 2, "\"open\" is a name or call; only plain values are allowed"),
            ("{'a':\n f'x'}", 2, "\"f\" is a name or call; only plain values are allowed"),
            ("{'a': 'b\n'}", 1, "a string is never closed"),
            ("\n'''abc", 2, "a string is never closed"),
            ("1 2", 1, "unexpected '2' after the value"),
            ("'\\xzz'", 1, "a wrong escape in a string"),
            ("[,]", 1, "unexpected ','"),
        ] {
            let error = parse(source).expect_err(source);
            assert_eq!((error.line, error.problem.as_str()), (line, problem), "{source}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let error = parse(&"[".repeat(100_000)).expect_err("too deep");
        assert_eq!(error.problem, "nested too deeply");
    }

    #[test]
    fn the_last_of_equal_keys_wins() {
        let dict = parse("{'a': 1, 'a': 2}").expect("a dict");
        assert_eq!(dict.get("a"), Some(&Literal::Number("2".into())));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(source in any::<String>()) {
            let _ = parse(&source);
        }

        #[test]
        fn python_like_text_does_not_make_it_panic(source in r#"[\[\]{}(),:'"\\rbunx01 .#\n-]{0,40}"#) {
            let _ = parse(&source);
        }

        #[test]
        fn any_string_survives_quoting(value in "[^\\\\'\\r\\n]*") {
            prop_assert_eq!(parse(&format!("'{value}'")), Ok(Literal::Text(value)));
        }
    }
}
