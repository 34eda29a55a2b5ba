"""The statements that a rival's author would write by hand: the compiler's, with another driver's placeholders."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Who asks: the token by its digest, its owner, and the queues that the owner sees; `{digest}` is the placeholder.
WHO = """
SELECT p.id, p.abilities, p.allowed_ip, p.expires_at, u.id AS user_id, u.is_active, u.sees_all_queues,
       ARRAY(SELECT v.queue_id FROM queue_permissions v WHERE v.user_id = u.id AND v.can_view ORDER BY v.queue_id)
           AS queues
FROM personal_access_tokens p
JOIN users u ON u.id = p.tokenable_id
WHERE p.token = {digest}
"""
ABILITIES = {"tickets:read", "tickets:write", "*"}


@dataclass(frozen=True)
class Question:
    """The rows of one perspective: `:name` binds in `sql`, of which two are filled in at each request."""

    sql: str
    binds: Mapping[str, Any]
    queues: str  # the name of the bind that takes the visible queues
    limit: str  # the name of the bind that takes the row limit

    def number_binds(self) -> tuple[str, list[str]]:
        """The text with `$1`, and the names in the order of their numbers."""
        names = list(self.binds)
        return self._replace(lambda name: f"${names.index(name) + 1}"), names

    def name_binds(self) -> str:
        """The text with `%(name)s`."""
        return self._replace(lambda name: f"%({name})s")

    def fill(self, queues: Sequence[int], row_limit: int) -> dict[str, Any]:
        """The values by name, for one who sees `queues`. One row more tells whether there are more."""
        return {**self.binds, self.queues: list(queues), self.limit: row_limit + 1}

    def _replace(self, write: Any) -> str:
        names = "|".join(map(re.escape, self.binds))
        return re.sub(rf"(?<!:):({names})\b", lambda found: str(write(found[1])), self.sql)


def read_questions() -> dict[int, Question]:
    """By perspective, from the file that the bench has written."""
    loaded = json.loads(Path(os.environ["BENCH_QUESTIONS"]).read_text())
    return {int(number): Question(**parts) for number, parts in loaded.items()}
