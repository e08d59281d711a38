//! How answers are written to stdout: one JSON document, or text and tables for people.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ContentArrangement, Table};
use serde::Serialize;

use crate::config::OutputConfig;
use crate::telemetry::Color;

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// People.
    Human,
    /// Programs.
    Json,
}

/// Where people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// A terminal: tables fit its width, progress is shown.
    Terminal,
    /// A pipe or a file: plain lines, nothing cut.
    Pipe,
}

/// Stdout, as this call wants it.
pub(crate) struct Output {
    /// Who reads it.
    pub(crate) format: Format,
    /// Where.
    pub(crate) screen: Screen,
    color: Color,
    stdout: io::Stdout,
}

impl Output {
    /// Looks at the flags, the terminal and NO_COLOR.
    #[must_use]
    pub(crate) fn new(config: &OutputConfig) -> Self {
        let stdout = io::stdout();
        let screen = if stdout.is_terminal() { Screen::Terminal } else { Screen::Pipe };
        let format = if config.json { Format::Json } else { Format::Human };
        Self { format, screen, color: color(config, screen), stdout }
    }

    /// The whole answer: `json` as one document, or what `human` makes of it.
    pub(crate) fn answer(
        &mut self,
        json: &impl Serialize,
        human: impl FnOnce(Look) -> String,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Json => {
                let text = match self.screen {
                    Screen::Terminal => serde_json::to_string_pretty(json)?,
                    Screen::Pipe => serde_json::to_string(json)?,
                };
                self.text(&text)
            }
            Format::Human => self.text(&human(self.look())),
        }
    }

    /// One JSON line of many.
    pub(crate) fn json_line(&mut self, json: &impl Serialize) -> anyhow::Result<()> {
        self.text(&serde_json::to_string(json)?)
    }

    /// Text, with a newline at its end.
    pub(crate) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(text.trim_end_matches('\n').as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()?;
        Ok(())
    }

    /// How tables are to look.
    #[must_use]
    pub(crate) fn look(&self) -> Look {
        Look { screen: self.screen, color: self.color }
    }
}

/// Whether `screen` gets colours.
pub(super) fn color(config: &OutputConfig, screen: Screen) -> Color {
    match screen {
        Screen::Terminal if !config.no_color() => Color::On,
        Screen::Terminal | Screen::Pipe => Color::Off,
    }
}

/// How a table looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    screen: Screen,
    color: Color,
}

impl Look {
    /// Rows under a heading; the sentence `if_none` when there are none.
    pub(super) fn table<R: IntoIterator<Item = String>>(
        self,
        heading: &[&str],
        rows: impl IntoIterator<Item = R>,
        if_none: &str,
    ) -> String {
        let mut table = self.empty_table();
        table.set_header(heading.to_vec());
        for row in rows {
            table.add_row(row.into_iter().map(|text| self.cell(&text)));
        }
        if table.is_empty() { if_none.to_owned() } else { written(table) }
    }

    /// One thing: a name and a value per line; values that are empty are left out.
    pub(super) fn facts(self, facts: &[(&str, String)]) -> String {
        let mut table = self.empty_table();
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            table.add_row([Cell::new(name), self.cell(value)]);
        }
        written(table)
    }

    fn empty_table(self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        match self.screen {
            Screen::Terminal => table.set_content_arrangement(ContentArrangement::Dynamic),
            Screen::Pipe => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        match self.color {
            Color::On => table.enforce_styling(),
            Color::Off => table.force_no_tty(),
        };
        table
    }

    /// Words that are states carry their colour. Control characters must not reach the terminal.
    fn cell(self, text: &str) -> Cell {
        let safe: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        let cell = Cell::new(safe);
        match (self.color, text) {
            (Color::On, "succeeded" | "available") => cell.fg(comfy_table::Color::Green),
            (Color::On, "failed" | "sick" | "error") => cell.fg(comfy_table::Color::Red),
            (Color::On, "claimed" | "running" | "busy" | "draining") => cell.fg(comfy_table::Color::Yellow),
            (Color::On, "canceled" | "skipped" | "offline") => cell.fg(comfy_table::Color::DarkGrey),
            (Color::On | Color::Off, _) => cell,
        }
    }
}

/// Columns begin at the left and are two spaces apart.
fn written(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Look = Look { screen: Screen::Pipe, color: Color::Off };

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_table_in_a_pipe_is_plain_and_uncut() {
        let long = "x".repeat(300);
        let shown =
            PIPE.table(&["RUN", "STATUS"], [row(&["demo#1", "failed"]), row(&[&long, "queued"])], "none");
        assert!(shown.contains(&long) && !shown.contains('\u{1b}'), "{shown}");
        assert_eq!(shown.lines().count(), 3);
    }

    #[test]
    fn an_empty_table_is_a_sentence() {
        assert_eq!(PIPE.table(&["RUN"], Vec::<Vec<String>>::new(), "no runs"), "no runs");
    }

    #[test]
    fn states_are_coloured_on_a_terminal_only() {
        let look = Look { screen: Screen::Pipe, color: Color::On };
        assert!(look.table(&["STATUS"], [row(&["failed"])], "").contains("\u{1b}["));
        assert!(!PIPE.table(&["STATUS"], [row(&["failed"])], "").contains("\u{1b}["));
    }

    #[test]
    fn control_characters_do_not_pass_a_cell() {
        assert!(!PIPE.facts(&[("name", "a\u{1b}]0;x\u{7}".to_owned())]).contains('\u{1b}'));
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        assert_eq!(PIPE.facts(&[("id", "7".to_owned()), ("error", String::new())]), "id  7");
    }
}
