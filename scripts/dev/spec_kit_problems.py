"""Prints what is wrong with spec/odooops-sh/ (scripts/validate_spec_kit_odooops.sh says what it looks at)."""

import re
import sys
from pathlib import Path

FOLDER = Path("spec/odooops-sh")
SECTIONS = {
    "constitution.md": ["Principles", "Rules for the contract", "Rules for changes"],
    "prd.md": ["Problem", "Users", "Requirements", "Not wanted"],
    "plan.md": ["Phases", "Risks", "Gates"],
    "tasks.md": [],
}
TASK = re.compile(r"^- \[([ x])\] (\d+\.\d+) (.+)$")
TEST = re.compile(r"`([\w/.-]+\.rs)::(\w+)`")
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)

problems = []


def say(file, problem):
    problems.append(f"{FOLDER / file}: {problem}")


def read(file):
    path = FOLDER / file
    if not path.is_file() or not path.read_text().strip():
        say(file, "is missing or empty")
        return ""
    return path.read_text()


def sections(file, text):
    """Every section that is wanted is there, and none is empty."""
    parts = re.split(HEADING, text)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    for wanted in SECTIONS[file]:
        if wanted not in bodies:
            say(file, f"has no section '{wanted}'")
    for title, body in bodies.items():
        if not body.strip():
            say(file, f"the section '{title}' is empty")
    return list(bodies)


def has_test(path, name):
    """Whether the source has a function of that name with the attribute of a test."""
    file = Path(path)
    if not file.is_file():
        return False
    pattern = rf"#\[(?:tokio::)?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn {name}\("
    return re.search(pattern, file.read_text()) is not None


def tasks(text):
    """(is ticked, number, the lines that belong to it) of each task."""
    found = []
    for line in text.splitlines():
        if match := TASK.match(line):
            found.append((match[1] == "x", match[2], []))
        elif line.startswith("- ["):
            say("tasks.md", f"is not a task: {line}")
        elif line.startswith("  ") and found:
            found[-1][2].append(line)
    return found


def check_tasks(text):
    found = tasks(text)
    if not found:
        say("tasks.md", "has no task")
    numbers = [number for _, number, _ in found]
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        say("tasks.md", f"{number} is there twice")
    for ticked, number, lines in found:
        named = TEST.findall("\n".join(lines))
        if ticked and not named:
            say("tasks.md", f"{number} is ticked and names no test")
        for path, name in named if ticked else []:
            if not has_test(path, name):
                say("tasks.md", f"{number} names the test {path}::{name}, which does not exist")
        if not ticked and not any(re.match(r"\s+- missing: \S", line) for line in lines):
            say("tasks.md", f"{number} is open and does not say what is missing")


texts = {file: read(file) for file in SECTIONS}
titles = {file: sections(file, text) for file, text in texts.items() if text}
if texts["tasks.md"]:
    check_tasks(texts["tasks.md"])
for requirement in re.findall(r"^\| (R\d+) \|", texts["prd.md"], re.MULTILINE):
    if not re.search(rf"\b{requirement}\b", texts["plan.md"]):
        say("plan.md", f"no phase has the requirement {requirement}")
for phase in re.findall(r"^\| (\d+ [^|]+?) \|", texts["plan.md"], re.MULTILINE):
    if texts["tasks.md"] and phase not in titles["tasks.md"]:
        say("tasks.md", f"has no section for the phase '{phase}'")
if problems:
    sys.exit("\n".join(problems))
print(f"{FOLDER}: four files, their sections, and a test behind every tick")
