"""The help desk of an invented running-shoe shop, as rows: seeded, so the same world on every machine."""

import random
from datetime import timedelta

from demo.loading import World
from demo.shop_people import People, make_people
from demo.shop_perspectives import make_perspectives
from demo.shop_texts import WATCHLISTS
from demo.shop_tickets import CLOSES, make_tickets
from demo.tokens import DEMO_TOKENS
from tickiti_query.reporting.contract import RELATIONS

SEED = 42


def make_shop(seed: int = SEED) -> World:
    """Return the whole world: 12 queues, 40 staff, 5,000 tickets and all that hangs on them."""
    rng = random.Random(seed)
    world: World = {relation: [] for relation in RELATIONS}
    people = make_people(rng, world)
    make_tickets(rng, world, people)
    _make_watchlists(rng, world, people)
    _make_reading_states(rng, world, people)
    make_perspectives(world)
    world["personal_access_tokens"] = [token.build_row(people.find(token.owner_email).id or 0) for token in DEMO_TOKENS]
    return world


def _make_watchlists(rng: random.Random, world: World, people: People) -> None:
    for watchlist_id, name in enumerate(WATCHLISTS, start=1):
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
            world["ticket_user_states"].append(
                {
                    "ticket_id": ticket["id"],
                    "user_id": person.id,
                    "last_read_at": min(read, CLOSES) if rng.random() < 0.85 else None,
                    "is_retained": rng.random() < 0.08,
                    "unacknowledged_tags": rng.choice((0,) * 12 + (1, 2)),
                }
            )
