"""The four API tokens of the demo: invented, printed in the open, worth nothing anywhere else."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DemoToken:
    """A token as its owner holds it; the database knows only the hash of what follows the bar."""

    id: int
    name: str
    description: str
    owner_email: str
    abilities: tuple[str, ...]
    perspective_id: int | None  # what to ask with it; None: whatever an empty request answers

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


DEMO_TOKENS = (
    DemoToken(
        1,
        "few queues",
        "Priya Sharma of the returns desk: staff who sees three queues",
        "priya.sharma@sole-provider.example",
        ("tickets:read",),
        3,
    ),
    DemoToken(
        2,
        "all queues",
        "Tom Okafor, who runs the help desk: staff who sees every queue",
        "tom.okafor@sole-provider.example",
        ("*",),
        3,
    ),
    DemoToken(
        3,
        "customer",
        "Marcus Webb of the Trailblazers running club: no staff, has the All perspective alone",
        "marcus@trailblazers-club.example",
        ("tickets:read",),
        None,
    ),
    DemoToken(
        4,
        "no ability",
        "Priya again, with a token that may not read tickets: 403",
        "priya.sharma@sole-provider.example",
        ("ticket-index",),
        3,
    ),
)
