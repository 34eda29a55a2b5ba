"""The perspectives that a user has (PERSPECTIVES.md, "Which perspectives a user has")."""

from typing import Any

from tickiti_query.model.actor import Actor, User
from tickiti_query.model.errors import NotFound, UnsupportedPerspective
from tickiti_query.model.json_text import read_json
from tickiti_query.model.numbers import BIGINT
from tickiti_query.model.perspective import ALL, Condition, Order, Perspective
from tickiti_query.model.search import Selector
from tickiti_query.model.source import Source
from tickiti_query.model.statement import Bind, Statement

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
VISIBLE = "(p.is_builtin OR p.shared OR p.owner_id = :user_id)"
BY_ID = f"{SELECT} p.id = :id AND {VISIBLE}"
# Among perspectives of one name a built-in wins, then the user's own, then a shared one; then the lowest id.
BY_NAME = f"""{SELECT} p.name = CAST(:name AS text) AND {VISIBLE}
ORDER BY p.is_builtin DESC, COALESCE(p.owner_id = :user_id, FALSE) DESC, p.id
LIMIT 1"""
BUILT_IN_ALL = f"{SELECT} p.is_builtin AND p.name = 'All' ORDER BY p.id LIMIT 1"

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
    perspective = Perspective(
        id=number,
        name=name,
        conditions=tuple(parse_condition(text) for text in conditions),
        orders=tuple(Order(*read_json(text)) for text in orders),
        columns=tuple(columns),
        subject=User(subject_id, subject_email) if subject_id is not None else None,
    )
    if impersonated is not None and subject_id is None:
        raise UnsupportedPerspective(f"{perspective.title} is read as a user who does not exist.")
    return perspective


def parse_condition(text: str) -> Condition:
    """Return a condition. One value is read as a list of one; one that is nested too deeply is an empty one."""
    field, operator, value_text = read_json(text)
    try:
        value = read_json(value_text)
    except ValueError:
        value = ()
    values = value if isinstance(value, list) else [value]
    return Condition(field, operator, tuple(map(freeze, values)))


def freeze(value: object) -> object:
    """Return a scalar as it is; an empty tuple for an object, or for a list in a list."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else ()
