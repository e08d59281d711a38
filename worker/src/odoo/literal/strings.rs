//! Strings of Python literals: prefixes, triple quotes, escapes, neighbours joined.

use super::{Literal, LiteralError, Parser};

impl Parser {
    /// One string, joined with the strings that follow it.
    pub(super) fn strings(&mut self) -> Result<Literal, LiteralError> {
        let mut text = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(char::is_alphabetic) {
                self.at += 1;
            }
            let prefix: String = self.chars[start..self.at].iter().collect();
            if !matches!(self.peek(), Some('"' | '\'')) || !is_string_prefix(&prefix) {
                self.at = start;
                return Ok(Literal::Text(text));
            }
            self.string(prefix.to_ascii_lowercase().contains('r'), &mut text)?;
            self.skip_space();
        }
    }

    fn string(&mut self, raw: bool, text: &mut String) -> Result<(), LiteralError> {
        let opened = self.error("a string is never closed");
        let quote = self.chars[self.at];
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let close = if self.looking_at(&triple) { triple } else { quote.to_string() };
        self.at += close.len();
        loop {
            if self.looking_at(&close) {
                self.at += close.len();
                return Ok(());
            }
            let Some(c) = self.peek() else { return Err(opened) };
            if c == '\n' && close.len() == 1 {
                return Err(opened);
            }
            self.at += 1;
            if c != '\\' {
                text.push(c);
            } else if raw {
                text.push(c);
                text.extend(self.peek());
                self.at += 1;
            } else {
                self.escape(text)?;
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), LiteralError> {
        let Some(c) = self.peek() else { return Ok(()) };
        self.at += 1;
        match c {
            '\n' => {}
            '\\' | '\'' | '"' => text.push(c),
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'v' => text.push('\u{b}'),
            'x' => text.push(self.code(2, 16)?),
            'u' => text.push(self.code(4, 16)?),
            'U' => text.push(self.code(8, 16)?),
            '0'..='7' => {
                self.at -= 1;
                let digits = (0..3).take_while(|i| matches!(self.chars.get(self.at + i), Some('0'..='7')));
                let count = digits.count();
                text.push(self.code(count, 8)?);
            }
            other => text.extend(['\\', other]),
        }
        Ok(())
    }

    /// A character by its number; half of a surrogate pair becomes U+FFFD.
    fn code(&mut self, digits: usize, radix: u32) -> Result<char, LiteralError> {
        let end = (self.at + digits).min(self.chars.len());
        let text: String = self.chars[self.at..end].iter().collect();
        let number = u32::from_str_radix(&text, radix)
            .ok()
            .filter(|_| text.len() == digits)
            .ok_or_else(|| self.error("a wrong escape in a string"))?;
        self.at = end;
        Ok(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

/// Whether these letters may stand before a quote (f-strings are no literals).
pub(super) fn is_string_prefix(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "" | "r" | "u" | "b" | "br" | "rb")
}
