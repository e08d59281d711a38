//! Reads Python tracebacks, which carry no log prefix, down to the errors that they end with.

/// More lines of one exception than this are left out of messages.
const MAX_MESSAGE_LINES: usize = 3;

/// The header of every traceback.
const HEADER: &str = "Traceback (most recent call last):";

/// Whether a line ends with the header: what Odoo's own runbot takes for a traceback.
pub(super) fn ends_with_header(line: &str) -> bool {
    line.trim_end().ends_with(HEADER)
}

/// Collects one block of unprefixed lines.
#[derive(Debug, Clone, Default)]
pub(super) struct TracebackReader {
    state: State,
    /// Finished exceptions of the block: each the cause or context of the next.
    errors: Vec<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Frames,
    Message,
}

impl TracebackReader {
    /// Takes one line without a log prefix, or a message that ends with the header.
    pub(super) fn push(&mut self, line: &str) {
        if ends_with_header(line) {
            self.state = State::Frames;
            return;
        }
        match self.state {
            State::Outside => {}
            State::Frames if line.starts_with(' ') || line.trim().is_empty() => {}
            State::Frames => {
                self.errors.push(vec![line.trim_end().to_owned()]);
                self.state = State::Message;
            }
            State::Message if line.trim().is_empty() || is_link(line) => self.state = State::Outside,
            State::Message => {
                if let Some(message) = self.errors.last_mut()
                    && message.len() < MAX_MESSAGE_LINES
                {
                    message.push(line.trim().to_owned());
                }
            }
        }
    }

    /// Ends the block: the last error in one line, and the first one where it is another.
    pub(super) fn finish(&mut self) -> Option<String> {
        let errors = std::mem::take(self).errors;
        let last = errors.last()?.join(" ");
        let first = errors.first()?.join(" ");
        Some(if first == last { last } else { format!("{last} (caused by {first})") })
    }
}

fn is_link(line: &str) -> bool {
    line.starts_with("During handling of the above exception")
        || line.starts_with("The above exception was the direct cause")
}

#[cfg(test)]
mod tests {
    use super::TracebackReader;

    fn read(text: &str) -> Option<String> {
        let mut reader = TracebackReader::default();
        for line in text.lines() {
            reader.push(line);
        }
        reader.finish()
    }

    #[test]
    fn the_error_is_the_line_after_the_frames() {
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    import b\n\
                    ModuleNotFoundError: No module named 'b'\n";
        assert_eq!(read(text).as_deref(), Some("ModuleNotFoundError: No module named 'b'"));
    }

    #[test]
    fn a_message_of_several_lines_is_joined() {
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 1\nUserError: first\nsecond\nthird\nfourth";
        assert_eq!(read(text).as_deref(), Some("UserError: first second third"));
    }

    #[test]
    fn of_a_chain_the_last_and_the_first_are_told() {
        let text = "Traceback (most recent call last):\n  x\nValueError: inner\n\n\
                    The above exception was the direct cause of the following exception:\n\n\
                    Traceback (most recent call last):\n  y\nParseError: outer\n";
        assert_eq!(read(text).as_deref(), Some("ParseError: outer (caused by ValueError: inner)"));
    }

    #[test]
    fn lines_that_are_no_traceback_say_nothing() {
        assert_eq!(read("Warn: Can't find .pfb for face 'Courier'\n"), None);
    }
}
