"""The texts of the shop, from seed/texts.toml: messages of runners, and answers of the staff."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.seed_files import read_seed_file


@dataclass(frozen=True)
class Topic:
    """One queue's usual business: subjects, first messages and how such tickets end."""

    subjects: Sequence[str]
    openings: Sequence[str]
    resolutions: Sequence[str]


TEXTS = read_seed_file("texts")
TOPICS = {queue: Topic(**texts) for queue, texts in TEXTS["topics"].items()}
WORDS: Mapping[str, Sequence[str]] = TEXTS["words"]
STAFF_REPLIES: Sequence[str] = TEXTS["staff_replies"]
CUSTOMER_REPLIES: Sequence[str] = TEXTS["customer_replies"]
INTERNAL_NOTES: Sequence[str] = TEXTS["internal_notes"]
HASHTAGS: Sequence[str] = TEXTS["hashtags"]
WATCHLISTS: Sequence[str] = TEXTS["watchlists"]


def fill_text(rng: random.Random, template: str) -> str:
    """Return a template with each word in braces drawn from its list."""
    return template.format_map({name: rng.choice(choices) for name, choices in WORDS.items()})
