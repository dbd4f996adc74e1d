"""The recipes of a page: a title, a script and what it prints.

    cookbook.py PAGE titles            a title a line
    cookbook.py PAGE split FOLDER      TITLE/script.sh with the files that it uses, as they
                                       stand there, and TITLE.txt, its output
    cookbook.py PAGE compare TITLE     compares what one has printed, on standard input

Each fails where a block of the page would not be run.

A recipe is a heading of the third level, with one block of sh and, after it, one of text:
its output, in which … stands for something within a line. Blocks of other languages before
the script are its files, by the names in FILES. Files below a chapter's heading are there
for all its recipes; a block of sh before the first recipe is functions.sh, for all.
"""

import difflib
import re
import sys
from pathlib import Path

FILES = {
    "python": "client.py",
    "go": "client.go",
    "js": "client.mjs",
    "nginx": "nginx.conf",
    "haproxy": "haproxy.cfg",
    "caddy": "Caddyfile",
}
LANGUAGES = ["sh", *FILES, "text"]


def complain(text):
    sys.exit(f"cookbook.py: {text}")


def blocks(page):
    """Yields ("title", its text) and (a block's language, its text), with the line of each."""
    language, start, lines = None, 0, []
    for number, line in enumerate(page.split("\n"), 1):
        if re.match(r"\s*(```|~~~)", line):
            if language is None:
                if line[:3] != "```" or line[3:] not in LANGUAGES:
                    known = ", ".join("```" + name for name in LANGUAGES)
                    complain(f"line {number}: {line}: not {known}")
                language, start, lines = line[3:], number, []
            elif line == "```":
                yield language, "\n".join(lines) + "\n", start
                language = None
            else:
                complain(f"line {number}: {line}: not the end of the block of line {start}")
        elif language is not None:
            lines.append(line)
        elif line.startswith("#"):
            level, _, text = line.partition(" ")
            if len(level) == 3:
                yield "title", text, number
            else:
                yield "chapter" if len(level) == 2 else "page", text, number
    if language is not None:
        complain(f"the block of line {start} does not end")


class Recipe:
    """What it needs by the name of its file, the script too; and what that prints."""

    def __init__(self, title, files):
        self.title, self.files, self.output = title, dict(files), None

    def add(self, language, text, line):
        if self.output is not None or ("script.sh" in self.files) != (language == "text"):
            complain(f"{self.title}: not one script and then its output (line {line})")
        if language == "text":
            if any(not row.strip(" …") for row in text.splitlines()):
                complain(f"line {line}: an output with a line that says nothing")
            self.output = text
        else:
            name = "script.sh" if language == "sh" else FILES[language]
            if name in self.files:
                complain(f"line {line}: {self.title} has {name} twice")
            self.files[name] = text


def recipes(page):
    """Title -> Recipe."""
    found, recipe, shared, chapter = {}, None, {}, None

    def close(line):
        if recipe and recipe.output is None:
            complain(f"{recipe.title}: not one script and then its output (line {line})")

    line = 0
    for language, text, line in blocks(page):
        if language == "title":
            close(line)
            if not re.fullmatch(r"[\w ,.'-]+", text):
                complain(f"line {line}: {text}: not the name of a test")
            if text in found:
                complain(f"line {line}: {text} is there twice")
            recipe = found[text] = Recipe(text, shared | (chapter or {}))
        elif language in ("page", "chapter"):
            close(line)
            recipe, chapter = None, {} if language == "chapter" else None
        elif recipe:
            recipe.add(language, text, line)
        elif language == "sh" and not found and not shared:
            shared = {"functions.sh": text}
        elif language in FILES and chapter is not None and FILES[language] not in chapter:
            chapter[FILES[language]] = text
        else:
            complain(f"line {line}: a block of no recipe")
    close(line)
    if not found:
        complain("no recipe")
    return found


def same(expected, line):
    return re.fullmatch(".+".join(re.escape(part) for part in expected.split("…")), line)


def compare(expected, printed):
    expected, printed = expected.split("\n"), printed.split("\n")
    # What agrees with a line that has … is taken to be that line.
    shown = [
        expected[i] if i < len(expected) and same(expected[i], line) else line
        for i, line in enumerate(printed)
    ]
    if shown != expected:
        sys.exit("\n".join(difflib.unified_diff(expected, shown, "the page", "printed",
                                                lineterm="")))


def main():
    path, command, *rest = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        page = recipes(file.read())
    if command == "titles":
        print("\n".join(page))
    elif command == "split":
        for title, recipe in page.items():
            folder = Path(rest[0], title)
            folder.mkdir()
            for name, text in recipe.files.items():
                (folder / name).write_text(text, encoding="utf-8")
            Path(rest[0], title + ".txt").write_text(recipe.output, encoding="utf-8")
    elif command == "compare":
        compare(page[rest[0]].output, sys.stdin.read())


main()
