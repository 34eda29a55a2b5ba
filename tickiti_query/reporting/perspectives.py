"""The perspectives that a user has (docs/access.md), and what the names in them stand for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tickiti_query.catalogue.predicate import Name, Names, Relation
from tickiti_query.model.errors import NotFound, UnsupportedPerspective
from tickiti_query.model.perspective import ALL, Condition, Order, Perspective, Selector
from tickiti_query.model.statement import BIGINT, Bind, Row, Source, Statement, read_json, read_scalars
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
    """Return the perspective of a selector: for staff a built-in one, their own, or a shared one; for others All.

    Raise NotFound where the actor has none such, whether or not it exists for others. Raise UnsupportedPerspective
    where it is read as a user who does not exist.
    """
    if selector.id is None and selector.name in (None, ALL.name):
        rows = fetch(source, BUILT_IN_ALL)
        # Where the replica has no row for it, All is the one that shows all in the default order.
        return read_perspective(rows[0]) if rows else ALL
    if not actor.is_staff:
        rows = [row for row in fetch(source, BUILT_IN_ALL) if selector.id is not None and selector.id == row[0]]
    elif selector.id is not None:
        rows = fetch(source, BY_ID, id=selector.id, user_id=actor.user.id) if selector.id in BIGINT else []
    else:
        # An empty name is a name that does not exist, whatever the rows say.
        rows = fetch(source, BY_NAME, name=selector.name, user_id=actor.user.id) if selector.name else []
    if not rows:
        raise NotFound(NOT_FOUND)
    return read_perspective(rows[0])


def fetch(source: Source, sql: str, **binds: Bind) -> list[Row]:
    """Return the rows of the perspective that `sql` finds: one or none."""
    return source.fetch(Statement(sql, tuple(binds.items()), is_repeated=True))


def read_perspective(row: Row) -> Perspective:
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

# relation -> the SELECT of a key's place and a value
LOOKUPS = {
    Relation.QUEUES_NAMED: 'SELECT k.place, q.id FROM keys k JOIN ticket_queues q ON q.name COLLATE "C" = k.key',
    Relation.TEAMS_OF_EMAIL: """SELECT k.place, m.team_id
      FROM keys k JOIN users u ON lower(u.email) COLLATE "C" = lower(k.key) JOIN team_members m ON m.user_id = u.id""",
    Relation.MEMBERS_OF_TEAM: """SELECT k.place, u.email
      FROM keys k JOIN team_members m ON m.team_id = k.key JOIN users u ON u.id = m.user_id""",
    Relation.INBOXES_OF_USER: """SELECT k.place, i.queue_id
      FROM keys k JOIN queue_permissions i ON i.user_id = k.key WHERE i.treat_as_inbox""",
    Relation.WATCHLISTS_NAMED: 'SELECT k.place, w.id FROM keys k JOIN watchlists w ON w.name COLLATE "C" = k.key',
    # That there are few: how many would be another answer after each change, and nothing that was read could be kept.
    Relation.FEW_PARTICIPATIONS: f"""SELECT k.place, k.key FROM keys k
      WHERE (SELECT count(*) FROM (SELECT FROM ticket_participants p WHERE lower(p.email) COLLATE "C" = lower(k.key)
                                   LIMIT {FEW + 1}) p) <= {FEW}""",
}
OF_IDS = {Relation.MEMBERS_OF_TEAM, Relation.INBOXES_OF_USER}  # their keys are ids, and all others are texts
TO_EMAILS = {Relation.MEMBERS_OF_TEAM, Relation.FEW_PARTICIPATIONS}  # their values are texts, and all others are ids


def resolve(source: Source, missing: Iterable[Name]) -> Names:
    """Read what the missing names stand for, and return them resolved."""
    found: dict[Name, set[str | int]] = {key: set() for key in missing}
    keys: dict[Relation, list[str | int]] = defaultdict(list)
    for relation, key in sorted(found, key=str):
        if isinstance(key, str) or key in BIGINT:
            keys[relation].append(key)
    for name, place, value in source.fetch(write_lookup(keys)) if keys else ():
        relation = Relation(name)
        found[relation, keys[relation][int(place) - 1]].add(value if relation in TO_EMAILS else int(value))
    return {key: tuple(sorted(values, key=lambda value: (str(type(value)), value))) for key, values in found.items()}


def write_lookup(keys: Mapping[Relation, Sequence[str | int]]) -> Statement:
    """Write one SELECT for all relations that are asked. Its rows are (relation, place of the key, value), all as text.

    The key itself may come back as another text, from a database that has one character for two of ours.
    """
    parts = [
        f"SELECT '{relation.value}', CAST(f.place AS text), CAST(f.value AS text)\n"
        f"FROM (WITH keys (key, place) AS (\n"
        f"        SELECT * FROM unnest(CAST(:{relation.value} AS {'bigint' if relation in OF_IDS else 'text'}[]))"
        f" WITH ORDINALITY\n"
        f"      )\n"
        f"      {LOOKUPS[relation]}) f (place, value)\n"
        "WHERE f.value IS NOT NULL"
        for relation in keys
    ]
    binds = tuple((relation.value, tuple(wanted)) for relation, wanted in keys.items())
    return Statement("\nUNION ALL\n".join(parts), binds)
