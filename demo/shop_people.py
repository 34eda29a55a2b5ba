"""The people of the shop: staff and customers, and the queues that each of them sees."""

import random
from dataclasses import dataclass

from demo.loading import Row, World
from demo.shop_seed import PEOPLE, QUEUES, TEAMS

FIRST_CUSTOMER_ID = 101


@dataclass(frozen=True)
class Person:
    """A staff member or a customer; not every customer has an account, and then no id."""

    id: int | None
    email: str
    queues: tuple[int, ...] = ()


@dataclass(frozen=True)
class People:
    staff: tuple[Person, ...]
    customers: tuple[Person, ...]


def make_people(rng: random.Random, world: World) -> People:
    """Invent the people; adds their rows, the queues and the teams to the world."""
    world["ticket_queues"] = [
        {"id": queue_id, "name": name, "is_parked": name == "Archive"} for queue_id, name in enumerate(QUEUES, start=1)
    ]
    names = enumerate(PEOPLE["staff"], start=1)
    staff = tuple(_make_staff_member(rng, world, user_id, name) for user_id, name in names)
    customers = tuple(_make_customers(rng, world))
    for team_id, name in enumerate(TEAMS, start=1):
        world["teams"].append({"id": team_id, "name": name})
        others = rng.sample(staff[1:], rng.randint(3, 8))
        members = [staff[0], *others] if team_id in {1, 6} else others
        world["team_members"] += [{"team_id": team_id, "user_id": person.id} for person in members]
    return People(staff, customers)


def _make_staff_member(rng: random.Random, world: World, user_id: int, name: str) -> Person:
    """Return one with an address at the shop: some have capitals or letters outside ASCII, as in real data."""
    local = (name if user_id % 10 == 4 else name.translate(str.maketrans("ëéáßÁ", "eeasA"))).replace(" ", ".")
    email = f"{local if user_id % 10 == 3 else local.lower()}@sole-provider.example"
    user = _build_user(user_id, name, email, is_staff=True)
    world["users"].append(user | {"sees_all_queues": name == "Tom Okafor", "is_active": user_id != 38})
    names = PEOPLE["sees_few"].get(name) or rng.sample(QUEUES, rng.randint(2, 7))
    queues = tuple(QUEUES.index(queue) + 1 for queue in names)
    for queue_id in queues:
        manages = rng.random() < 0.3
        row = {"user_id": user_id, "queue_id": queue_id, "can_view": user_id == 1 or rng.random() < 0.95}
        row |= {"can_manage": manages, "can_delete": manages and rng.random() < 0.5}
        is_inbox = queue_id == 1 if user_id == 1 else rng.random() < 0.2
        world["queue_permissions"].append(row | {"treat_as_inbox": is_inbox})
    return Person(user_id, email, queues)


def _make_customers(rng: random.Random, world: World) -> list[Person]:
    """Return Marcus, then three hundred runners of whom every fifth has an account."""
    marcus = Person(FIRST_CUSTOMER_ID, "marcus@trailblazers-club.example")
    people = [marcus]
    world["users"].append(_build_user(FIRST_CUSTOMER_ID, "Marcus Webb", marcus.email, is_staff=False))
    club = QUEUES.index("Club Orders") + 1
    world["queue_permissions"].append({"user_id": FIRST_CUSTOMER_ID, "queue_id": club, "can_view": True})
    for number in range(1, 301):
        first, last = rng.choice(PEOPLE["first_names"]), rng.choice(PEOPLE["last_names"])
        host = "trailblazers-club.example" if number % 12 == 0 else rng.choice(PEOPLE["mail_hosts"])
        local = f"{first}.{last}{number}".replace("'", "")
        email = f"{local if number % 9 == 0 else local.lower()}@{host}"
        user_id = FIRST_CUSTOMER_ID + number if number % 5 == 0 else None
        people.append(Person(user_id, email))
        if user_id is not None:
            world["users"].append(_build_user(user_id, f"{first} {last}", email, is_staff=False))
    return people


def _build_user(user_id: int, name: str, email: str, *, is_staff: bool) -> Row:
    return {"id": user_id, "name": name, "email": email, "is_staff": is_staff}
