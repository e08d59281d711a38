"""Prints what our documents point at and is not there (scripts/validate_docs.sh says what it looks at)."""

import os
import re
import sys
from pathlib import Path

ROOMS = ("scripts", "docs", "worker", "sql", "tests", "deploy", "spec", "dbml", "erd", "migrations", ".github", ".ci")
SKIPPED = {".git", ".dev", "target", "node_modules", "__pycache__", "generated"}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?<![\w/.~${{}}-])(?:\./)?((?:{'|'.join(map(re.escape, ROOMS))})/[\w./@*-]*[\w/*])(?![\w<{{$])")
COMMAND = re.compile(r"(?<![\w/:.@-])(?<!--test )odooops((?: [a-z][a-z-]*\b(?!_))+)")
VARIABLE = re.compile(r"\bODOOOPS_[A-Z0-9_]*[A-Z0-9]\b(?!_?[<{*…])")
NAME = re.compile(r"\bops\.([a-z][a-z0-9_]*[a-z0-9])\b(?![<{*…(]?[<{*…])")

problems = []


def files():
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(set(folders) - SKIPPED)
        for name in sorted(names):
            yield Path(folder, name)


def text(path):
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def anchors(source):
    """The anchors of the headings, as GitHub makes them."""
    found, seen = set(), {}
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", source), re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
        found.add(slug if slug not in seen else f"{slug}-{seen[slug]}")
        seen[slug] = seen.get(slug, 0) + 1
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', source))


def check_links(path, source):
    prose = SPAN.sub("", FENCE.sub("", source))
    for target in LINK.findall(prose):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file) if file else path
        if not there.exists():
            yield f"the link {target} leads nowhere"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text()):
            yield f"the link {target} names a heading that is not there"


def ignored():
    """What the reader makes: the paths of a .gitignore, without a wildcard at the end."""
    for path in Path().glob("*/.gitignore"):
        for line in text(path).splitlines():
            yield str(path.parent / line.strip("/*"))


def code_of(source):
    """Code: fences, and spans outside of them."""
    return [match[0] for match in FENCE.finditer(source)] + SPAN.findall(FENCE.sub("", source))


def commands():
    """Verbs as in tests/cli/usage.rs, where each is called."""
    table = re.search(r"const COMMANDS.*?= &\[(.*?)\n\];", text(Path("tests/cli/usage.rs")), re.DOTALL)
    return {tuple(re.findall(r'"([^"]+)"', line)) for line in table[1].splitlines()} if table else set()


def check_code(code, known_commands, variables, names):
    for found in PATH.findall(code):
        missing = not any(Path().glob(found)) if "*" in found else not Path(found).exists()
        if missing and found not in made_by_readers:
            yield f"names {found}, which does not exist"
    for words in COMMAND.findall(code):
        words = tuple(words.split())
        if not words[:1] in known_commands:
            yield f"names the command odooops {words[0]}, which does not exist"
        elif len(words) > 1 and any(known[:1] == words[:1] and len(known) > 1 for known in known_commands):
            if words[:2] not in known_commands:
                yield f"names the command odooops {words[0]} {words[1]}, which does not exist"
    for found in VARIABLE.findall(code):
        if found not in variables:
            yield f"names the variable {found}, which nothing reads"
    for found in NAME.findall(code):
        if found not in names:
            yield f"names ops.{found}, which the schema does not have"


def check_decisions():
    numbers = {}
    for path in sorted(Path("docs/adr").glob("*.md")):
        match = re.match(r"(\d{4})-[a-z0-9-]+\.md$", path.name)
        if not match:
            problems.append(f"{path}: is not named NNNN-like-this.md")
            continue
        number = int(match[1])
        if number in numbers:
            problems.append(f"{path}: has the number of {numbers[number]}")
        numbers[number] = path
        if not re.match(rf"# {number}\. \S", path.read_text()):
            problems.append(f"{path}: its title does not begin with '# {number}. '")


everything = list(files())
documents = [path for path in everything if path.suffix == ".md"]
sources = [path for path in everything if path.suffix != ".md"]
variables, names = set(), set()
for path in sources:
    source = text(path)
    variables.update(re.findall(r"\bODOOOPS_[A-Z0-9_]+", source))
    if path.parts[0] in ("sql", "migrations", "worker", "tests"):
        names.update(re.findall(r"\bops\.([a-z][a-z0-9_]*)", source))
made_by_readers = set(ignored())
known_commands = commands()
if not known_commands:
    problems.append("tests/cli/usage.rs: its list of commands cannot be read")
for path in documents:
    source = path.read_text()
    found = list(check_links(path, source))
    for code in code_of(source):
        found += check_code(code, known_commands, variables, names)
    problems += [f"{path}: {problem}" for problem in dict.fromkeys(found)]
check_decisions()
if problems:
    sys.exit("\n".join(problems))
print(f"{len(documents)} documents: links, anchors, files, commands and names are there")
