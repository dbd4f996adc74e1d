"""The recipes of docs/cookbook.md: a title, a script and what it prints.

    cookbook.py PAGE titles            a title a line
    cookbook.py PAGE split FOLDER      the scripts, as they stand there, and their outputs
    cookbook.py PAGE compare TITLE     compares what one has printed, on standard input

Each fails where a block of the page would not be run.

A recipe is a heading of the third level, with one block of sh and, after it, one of text:
its output, in which … stands for something within a line.
"""

import difflib
import re
import sys
from pathlib import Path


def complain(text):
    sys.exit(f"cookbook.py: {text}")


def blocks(page):
    """Yields ("title", its text) and (a block's language, its text), with the line of each."""
    language, start, lines = None, 0, []
    for number, line in enumerate(page.split("\n"), 1):
        if re.match(r"\s*(```|~~~)", line):
            if language is None:
                if not re.fullmatch(r"```(sh|text)", line):
                    complain(f"line {number}: {line}: not ```sh or ```text")
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
                yield "chapter", text, number
    if language is not None:
        complain(f"the block of line {start} does not end")


def recipes(page):
    """Title -> (script, output)."""
    found, parts, title = {}, [], None

    def close(line):
        if title is None:
            return
        if [language for language, _ in parts] != ["sh", "text"]:
            complain(f"{title}: not one block of sh and then one of text (line {line})")
        found[title] = tuple(text for _, text in parts)

    line = 0
    for language, text, line in blocks(page):
        if language in ("title", "chapter"):
            close(line)
            title, parts = (text if language == "title" else None), []
            if title and not re.fullmatch(r"[\w ,.'-]+", title):
                complain(f"line {line}: {title}: not the name of a test")
            if title in found:
                complain(f"line {line}: {title} is there twice")
        elif title is None:
            complain(f"line {line}: a block of no recipe")
        else:
            if language == "text" and any(not row.strip(" …") for row in text.splitlines()):
                complain(f"line {line}: an output with a line that says nothing")
            parts.append((language, text))
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
        for title, (script, output) in page.items():
            Path(rest[0], title + ".sh").write_text(script, encoding="utf-8")
            Path(rest[0], title + ".txt").write_text(output, encoding="utf-8")
    elif command == "compare":
        compare(page[rest[0]][1], sys.stdin.read())


main()
