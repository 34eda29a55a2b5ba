"""The perspectives that a user has (PERSPECTIVES.md, "Which perspectives a user has"), and the names in them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tickiti_query.catalogue.predicate import Name, Names, Relation
from tickiti_query.model.errors import NotFound, UnsupportedPerspective
from tickiti_query.model.perspective import ALL, Condition, Order, Perspective, Selector
from tickiti_query.model.statement import BIGINT, Bind, Source, Statement, read_json, read_scalars
from tickiti_query.model.token import Actor, User

SELECT = """
SELECT p.id, p.name, p.impersonate_user_id, u.id, u.email,
       ARRAY(SELECT CAST(json_build_array(c.field, c.operator, CAST(c.value AS text)) AS text)
             FROM perspective_conditions c WHERE c.perspective_id = p.id ORDER BY c.position),
       ARRAY(SELECT CAST(json_build_array(o.field, o.ascending) AS text)
             FROM perspective_orders o WHERE o.perspective_id = p.id ORDER BY o.position),
       ARRAY(SELECT f.field FROM perspective_columns f WHERE f.perspective_id = p.id ORDER BY f.position)
FROM perspectives p
LEFT JOIN users u ON u.id = p.impersonate_user_id
WHERE """
# The casts are for a prepared statement: without them its parameters are as narrow as the columns that they meet.
IS_OWN = "p.owner_id = CAST(:user_id AS bigint)"
VISIBLE = f"(p.is_builtin OR p.shared OR {IS_OWN})"
BY_ID = f"{SELECT} p.id = CAST(:id AS bigint) AND {VISIBLE}"
# Among perspectives of one name a built-in wins, then the user's own, then a shared one; then the lowest id.
BY_NAME = f"""{SELECT} p.name COLLATE "C" = CAST(:name AS text) AND {VISIBLE}
ORDER BY COALESCE(p.is_builtin, FALSE) DESC, COALESCE({IS_OWN}, FALSE) DESC, p.id
LIMIT 1"""
BUILT_IN_ALL = f"""{SELECT} p.is_builtin AND p.name COLLATE "C" = 'All' ORDER BY p.id LIMIT 1"""

NOT_FOUND = "There is no such perspective for this user."


def find_perspective(source: Source, selector: Selector, actor: Actor) -> Perspective:
    """Return the perspective of a selector.

    Raise NotFound where the actor has none such, whether or not it exists for others. Raise UnsupportedPerspective
    where it is read as a user who does not exist.
    """
    if selector.id is None and selector.name in (None, ALL.name):
        # Where the replica has no row for it, All is the one that shows all in the default order.
        return fetch(source, BUILT_IN_ALL) or ALL
    found = find_visible(source, selector, actor) if actor.is_staff else find_everybodys(source, selector)
    if found is None:
        raise NotFound(NOT_FOUND)
    return found


def find_visible(source: Source, selector: Selector, actor: Actor) -> Perspective | None:
    """Return a staff user's perspective: a built-in one, their own, or a shared one. None where there is none such."""
    if selector.id is not None:
        return fetch(source, BY_ID, id=selector.id, user_id=actor.user.id) if selector.id in BIGINT else None
    # An empty name is a name that does not exist, whatever the rows say.
    return fetch(source, BY_NAME, name=selector.name, user_id=actor.user.id) if selector.name else None


def find_everybodys(source: Source, selector: Selector) -> Perspective | None:
    """Return All, which is the one perspective of a user who is no staff. None for any other selector."""
    rows = source.fetch(Statement(BUILT_IN_ALL, is_repeated=True))
    is_meant = bool(rows) and selector.id is not None and selector.id == rows[0][0]
    return read_perspective(rows[0]) if is_meant else None


def fetch(source: Source, sql: str, **binds: Bind) -> Perspective | None:
    """Return the first perspective that `sql` finds, or None."""
    rows = source.fetch(Statement(sql, tuple(binds.items()), is_repeated=True))
    return read_perspective(rows[0]) if rows else None


def read_perspective(row: tuple[Any, ...]) -> Perspective:
    """Return the perspective in a row of the statements above."""
    number, name, impersonated, subject_id, subject_email, conditions, orders, columns = row
    directions = [read_json(text) for text in orders]
    perspective = Perspective(
        id=number,
        name=name,
        conditions=tuple(
            # NULL is an empty name, which no field and no operator has.
            Condition(field or "", operator or "", read_scalars(text))
            for field, operator, text in map(read_json, conditions)
        ),
        orders=tuple(Order(field or "", ascending is True) for field, ascending in directions),
        columns=tuple(column or "" for column in columns),
        subject=User(subject_id, subject_email) if subject_id is not None else None,
    )
    if any(ascending is None for _, ascending in directions):
        raise UnsupportedPerspective(f"{perspective.title} has an order without a direction, which is not supported.")
    if impersonated is not None and subject_id is None:
        raise UnsupportedPerspective(f"{perspective.title} is read as a user who does not exist.")
    return perspective


FEW = 1000  # tickets that are read by themselves sooner than an index is followed until enough of them have come by

# relation -> (the type of its keys, the SQL of a value of key `k`, where that is found, whether values are ids)
LOOKUPS: dict[Relation, tuple[str, str, str, bool]] = {
    Relation.QUEUES_NAMED: ("text", "q.id", 'JOIN ticket_queues q ON q.name COLLATE "C" = k.key', True),
    Relation.TEAMS_OF_EMAIL: (
        "text",
        "m.team_id",
        'JOIN users u ON lower(u.email) COLLATE "C" = lower(k.key) JOIN team_members m ON m.user_id = u.id',
        True,
    ),
    Relation.MEMBERS_OF_TEAM: (
        "bigint",
        "u.email",
        "JOIN team_members m ON m.team_id = k.key JOIN users u ON u.id = m.user_id",
        False,
    ),
    Relation.INBOXES_OF_USER: (
        "bigint",
        "i.queue_id",
        "JOIN queue_permissions i ON i.user_id = k.key WHERE i.treat_as_inbox",
        True,
    ),
    Relation.WATCHLISTS_NAMED: ("text", "w.id", 'JOIN watchlists w ON w.name COLLATE "C" = k.key', True),
    # That there are few: how many would be another answer after each change, and nothing that was read could be kept.
    Relation.FEW_PARTICIPATIONS: (
        "text",
        "k.key",
        f"""
      WHERE (SELECT count(*) FROM (SELECT FROM ticket_participants p WHERE lower(p.email) COLLATE "C" = lower(k.key)
                                   LIMIT {FEW + 1}) p) <= {FEW}""",
        False,
    ),
}


def resolve(source: Source, missing: Iterable[Name]) -> Names:
    """Read what the missing names stand for, and return them resolved."""
    found: dict[Name, set[str | int]] = {key: set() for key in missing}
    keys: dict[Relation, list[str | int]] = defaultdict(list)
    for relation, key in sorted(found, key=str):
        if isinstance(key, str) or key in BIGINT:
            keys[relation].append(key)
    for name, place, value in source.fetch(write_lookup(keys)) if keys else ():
        relation = Relation(name)
        *_, is_id = LOOKUPS[relation]
        found[relation, keys[relation][int(place) - 1]].add(int(value) if is_id else value)
    return {key: tuple(sorted(values, key=lambda value: (str(type(value)), value))) for key, values in found.items()}


def write_lookup(keys: Mapping[Relation, Sequence[str | int]]) -> Statement:
    """Write one SELECT for all relations that are asked. Its rows are (relation, place of the key, value), all as text.

    The key itself may come back as another text, from a database that has one character for two of ours.
    """
    parts = []
    for relation in keys:
        kind, value, joins, _ = LOOKUPS[relation]
        parts.append(
            f"SELECT '{relation.value}', CAST(f.place AS text), CAST(f.value AS text)\n"
            f"FROM (WITH keys (key, place) AS (\n"
            f"        SELECT * FROM unnest(CAST(:{relation.value} AS {kind}[])) WITH ORDINALITY\n"
            f"      )\n"
            f"      SELECT k.place, {value} FROM keys k {joins}) f (place, value)\n"
            "WHERE f.value IS NOT NULL"
        )
    binds = tuple((relation.value, tuple(wanted)) for relation, wanted in keys.items())
    return Statement("\nUNION ALL\n".join(parts), binds)
