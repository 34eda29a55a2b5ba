"""The help desk of an invented running-shoe shop, as rows: seeded, so the same world on every machine."""

import hashlib
import json
import random
from datetime import timedelta

from demo.loading import Row, World
from demo.shop_people import People, make_people
from demo.shop_seed import DEMO_TOKENS, TEXTS, VIEWS
from demo.shop_tickets import CLOSES, make_tickets
from tickiti_query.reporting.contract import RELATIONS

BLANK: Row = {"description": None, "owner_id": None, "impersonate_user_id": None, "shared": False, "show_in_crm": False}


def make_shop(seed: int = 42) -> World:
    """Return the whole world: 12 queues, 40 staff, 5,000 tickets and all that hangs on them."""
    rng = random.Random(seed)
    world: World = {relation: [] for relation in RELATIONS}
    people = make_people(rng, world)
    make_tickets(rng, world, people)
    _make_watchlists(rng, world, people)
    _make_reading_states(rng, world, people)
    _make_perspectives(world)
    _make_tokens(world)
    return world


def _make_watchlists(rng: random.Random, world: World, people: People) -> None:
    for watchlist_id, name in enumerate(TEXTS["watchlists"], start=1):
        owner = people.staff[watchlist_id % 5]
        row = {"id": watchlist_id, "name": name, "owner_id": owner.id, "shared": watchlist_id % 2 == 1}
        world["watchlists"].append(row)
        watched = rng.sample(world["tickets"], rng.randint(10, 60))
        world["watchlist_tickets"] += [
            {"watchlist_id": watchlist_id, "ticket_id": ticket["id"], "position": position}
            for position, ticket in enumerate(watched)
        ]


def _make_reading_states(rng: random.Random, world: World, people: People) -> None:
    """Add the tickets that each of the staff has opened, keeps, or was tagged in, within the queues they see."""
    for person in people.staff:
        known = [ticket for ticket in world["tickets"] if ticket["queue_id"] in person.queues]
        for ticket in rng.sample(known, min(len(known), rng.randint(60, 180))):
            read = ticket["updated_at"] + timedelta(minutes=rng.randint(-600, 3000))
            row = {"ticket_id": ticket["id"], "user_id": person.id}
            row |= {"last_read_at": min(read, CLOSES) if rng.random() < 0.85 else None}
            row |= {"is_retained": rng.random() < 0.08, "unacknowledged_tags": rng.choice((0,) * 12 + (1, 2))}
            world["ticket_user_states"].append(row)


def _make_perspectives(world: World) -> None:
    """Add the views: four built-in ones and thirteen that people made."""
    for view in VIEWS:
        row = BLANK | view
        conditions, orders, columns = (row.pop(part, ()) for part in ("conditions", "orders", "columns"))
        row |= {"display_mode": "list" if columns else "card", "is_builtin": row["owner_id"] is None}
        world["perspectives"].append(row)
        for position, (field, operator, value) in enumerate(conditions, start=1):
            place = {"perspective_id": row["id"], "position": position, "field": field}
            world["perspective_conditions"].append(place | {"operator": operator, "value": value})
        for position, key in enumerate(orders, start=1):
            place = {"perspective_id": row["id"], "position": position, "field": key.removeprefix("-")}
            world["perspective_orders"].append(place | {"ascending": not key.startswith("-")})
        for position, field in enumerate(columns, start=1):
            world["perspective_columns"].append({"perspective_id": row["id"], "position": position, "field": field})


def _make_tokens(world: World) -> None:
    owners = {user["email"]: user["id"] for user in world["users"]}
    for token in DEMO_TOKENS:
        digest = hashlib.sha256(token.plain_text.partition("|")[2].encode()).hexdigest()
        row = {"id": token.id, "tokenable_id": owners[token.owner_email], "token": digest}
        row |= {"abilities": json.dumps(token.abilities), "created_at": "2026-05-01 08:00:00"}
        world["personal_access_tokens"].append(row)
