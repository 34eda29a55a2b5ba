"""The documents as tests read them: their blocks of code, their headings, what they link to."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATTERNS = ("*.md", "docs/*.md", "bench/*.md", "deploy/**/*.md")
PATHS = tuple(sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern)))
# A block within a step of a list is indented as the step's text is.
FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code; `shown` is the block without a language that follows at once: what it prints."""

    language: str
    text: str
    shown: str


@dataclass(frozen=True)
class Document:
    """One of the documents; `name` is its path in the repository."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        """All but the blocks of code."""
        return FENCED.sub("", self.text)

    @property
    def blocks(self) -> list[Block]:
        found = list(FENCED.finditer(self.text))
        return [
            Block(
                block["language"],
                remove_indent(block),
                remove_indent(after) if after and follows(self.text, block.end(), after) else "",
            )
            for block, after in zip_longest(found, found[1:])
        ]

    @property
    def anchors(self) -> set[str]:
        """The names by which links reach the headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @property
    def links(self) -> list[str]:
        """The targets of its links, without those that leave the repository."""
        targets = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [target for target in targets if not target.startswith(("http://", "https://"))]

    @property
    def quoted(self) -> list[str]:
        """The words between backquotes in its prose."""
        return re.findall(r"`([^`\n]+)`", self.prose)


def remove_indent(block: re.Match[str]) -> str:
    """The text of a block without the indent of the step that it is in."""
    return "".join(line.removeprefix(block["indent"]) for line in block["text"].splitlines(keepends=True))


def follows(text: str, end: int, block: re.Match[str]) -> bool:
    """Return whether a block without a language comes next, with nothing but empty lines before it."""
    return not block["language"] and not text[end : block.start()].strip()


@cache
def read_document(name: str) -> Document:
    """A document by its path in the repository."""
    return Document(name, (ROOT / name).read_text("utf-8"))


DOCUMENTS = tuple(read_document(str(path.relative_to(ROOT))) for path in PATHS)
