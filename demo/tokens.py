"""The four API tokens of the demo: invented, printed in the open, worth nothing anywhere else."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from demo.seed_files import read_seed_file


@dataclass(frozen=True)
class DemoToken:
    """A token as its owner holds it; the database knows only the hash of what follows the bar."""

    id: int
    name: str
    description: str
    owner_email: str
    abilities: tuple[str, ...]
    perspective_id: int | None = None  # what to ask with it; None: whatever an empty request answers

    @property
    def secret(self) -> str:
        return f"DemoOnly{self.name.title().replace(' ', '')}".ljust(40, "0")

    @property
    def plain_text(self) -> str:
        """The text behind `Bearer`: 40 characters after the id and the bar."""
        return f"{self.id}|{self.secret}"

    def build_row(self, owner_id: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "tokenable_id": owner_id,
            "token": hashlib.sha256(self.secret.encode()).hexdigest(),
            "abilities": json.dumps(self.abilities),
            "created_at": "2026-05-01 08:00:00",
        }


DEMO_TOKENS = tuple(
    DemoToken(**{**row, "abilities": tuple(row["abilities"])}) for row in read_seed_file("tokens")["tokens"]
)
