"""Hypothesis strategies for worlds, perspectives and requests: small, and made to collide."""

from typing import Any

from hypothesis import strategies as st

from .drawn_bodies import bodies, build_body
from .drawn_perspectives import build_perspectives, perspectives
from .drawn_tables import DRAWN_WORLDS, build_world
from .random_choices import ROW, ROWS, RandomChoices
from .values import World

__all__ = ["bodies", "cases", "perspectives", "worlds"]

Case = tuple[World, int, Any]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """All tables of the reporting schema, as full rows."""
    world = build_world(draw(DRAWN_WORLDS))
    return world | draw(perspectives(world))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A world, the id of an active user of it, and the body that this user sends.

    The bytes are drawn first and understood afterwards, so that no draw depends on another.
    """
    drawn_body, drawn_perspectives, drawn_world = draw(ROW), draw(ROWS), draw(DRAWN_WORLDS)
    world = build_world(drawn_world)
    world |= build_perspectives(world, drawn_perspectives)
    active = [user["id"] for user in world["users"] if user["is_active"]]
    user_id = RandomChoices(drawn_body).pick(active)
    return world, user_id, build_body(world, user_id, drawn_body[1:])
