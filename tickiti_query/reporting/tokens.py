"""Bearer tokens by Laravel Sanctum's rules, read on the replica."""

import hmac
import json

from tickiti_query.model.errors import Unauthenticated
from tickiti_query.model.statement import Source, Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials, User

# What no token has, for a secret without an id: a number like all others takes as long as they do.
ANY_ID = -1
# Python has no time beyond these, and they are as far away as any other. LEAST would turn NULL into a time.
BOUNDED = (
    "CASE WHEN {0} > timestamp '9999-12-31' THEN timestamp '9999-12-31'"
    " WHEN {0} < timestamp '0001-01-01' THEN timestamp '0001-01-01' ELSE {0} END"
)
VISIBLE_QUEUES = """ARRAY(SELECT v.queue_id FROM queue_permissions v
             WHERE v.user_id = u.id AND v.can_view AND v.queue_id IS NOT NULL ORDER BY v.queue_id)"""

SQL = f"""
SELECT p.token, p.abilities, p.allowed_ip, {BOUNDED.format("p.expires_at")}, {BOUNDED.format("p.created_at")},
       u.id, u.email, u.is_staff, u.is_active, u.sees_all_queues,
       {VISIBLE_QUEUES}
FROM personal_access_tokens p
JOIN users u ON u.id = p.tokenable_id
WHERE p.token COLLATE "C" = CAST(:digest AS text)
  AND (CAST(:id AS bigint) = {ANY_ID} OR p.id = CAST(:id AS bigint))
"""


def find_token(source: Source, credentials: Credentials) -> AuthenticatedToken:
    """Return the token of the credentials. Raise Unauthenticated where there is none.

    For an unknown id and for a wrong secret the same index is read, and no row is found. So the time does not tell
    which of the two was wrong.
    """
    number = ANY_ID if credentials.id is None else credentials.id
    rows = source.fetch(Statement(SQL, (("digest", credentials.digest), ("id", number)), is_repeated=True))
    if not rows or not hmac.compare_digest(str(rows[0][0]), credentials.digest):
        raise Unauthenticated
    _, abilities, allowed_ip, expires_at, created_at, user_id, email, is_staff, is_active, sees_all, queues = rows[0]
    if not is_active:
        raise Unauthenticated
    actor = Actor(User(user_id, email), is_staff, None if sees_all else tuple(queues))
    return AuthenticatedToken(actor, read_abilities(abilities), allowed_ip, expires_at, created_at)


def read_abilities(text: str | None) -> frozenset[str]:
    """Return the abilities in a JSON array of strings; none for any other text."""
    try:
        abilities = json.loads(text or "")
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(abilities, list) or not all(isinstance(ability, str) for ability in abilities):
        return frozenset()
    return frozenset(abilities)
