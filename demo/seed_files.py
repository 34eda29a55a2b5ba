"""The files of the seed data: texts, people, perspectives and tokens, in TOML."""

import tomllib
from importlib import resources
from typing import Any


def read_seed_file(name: str) -> dict[str, Any]:
    """Return the content of a file in seed/."""
    return tomllib.loads(resources.files(__package__).joinpath("seed", f"{name}.toml").read_text("utf-8"))
