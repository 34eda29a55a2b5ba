"""The people of the shop, named in seed/people.toml: staff and customers, and the queues that each of them sees."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.loading import World
from demo.seed_files import read_seed_file

PEOPLE = read_seed_file("people")
QUEUES: Sequence[str] = PEOPLE["queues"]
TEAMS: Sequence[str] = PEOPLE["teams"]
STAFF: Sequence[str] = PEOPLE["staff"]
FIRST_NAMES: Sequence[str] = PEOPLE["first_names"]
LAST_NAMES: Sequence[str] = PEOPLE["last_names"]
MAIL_HOSTS: Sequence[str] = PEOPLE["mail_hosts"]
SEES_FEW: Mapping[str, Sequence[str]] = PEOPLE["sees_few"]
FIRST_CUSTOMER_ID = 101


@dataclass(frozen=True)
class Person:
    """A staff member or a customer; not every customer has an account, and then no id."""

    id: int | None
    name: str
    email: str
    is_staff: bool
    queues: tuple[int, ...] = ()


@dataclass(frozen=True)
class People:
    staff: tuple[Person, ...]
    customers: tuple[Person, ...]

    def find(self, email: str) -> Person:
        return next(person for person in (*self.staff, *self.customers) if person.email == email)


def make_people(rng: random.Random, world: World) -> People:
    """Invent the people; adds their rows, the queues and the teams to the world."""
    staff = tuple(_make_staff_member(rng, world, user_id, name) for user_id, name in enumerate(STAFF, start=1))
    customers = tuple(_make_customers(rng, world))
    world["ticket_queues"] = [
        {"id": queue_id, "name": name, "is_parked": name == "Archive"} for queue_id, name in enumerate(QUEUES, start=1)
    ]
    _make_teams(rng, world, staff)
    return People(staff, customers)


def build_staff_email(name: str, user_id: int) -> str:
    """Return first.last at the shop; here and there with capitals or letters outside ASCII, as in real data."""
    plain = name.translate(str.maketrans("ëéáßÁ", "eeasA"))
    local = (name if user_id % 10 == 4 else plain).replace(" ", ".")
    return f"{local if user_id % 10 == 3 else local.lower()}@sole-provider.example"


def _make_staff_member(rng: random.Random, world: World, user_id: int, name: str) -> Person:
    email = build_staff_email(name, user_id)
    user = _build_user(user_id, name, email, is_staff=True)
    world["users"].append(user | {"sees_all_queues": name == "Tom Okafor", "is_active": user_id != 38})
    names = SEES_FEW.get(name) or rng.sample(QUEUES, rng.randint(2, 7))
    queues = tuple(QUEUES.index(queue) + 1 for queue in names)
    for queue_id in queues:
        manages = rng.random() < 0.3
        world["queue_permissions"].append(
            {
                "user_id": user_id,
                "queue_id": queue_id,
                "can_view": user_id == 1 or rng.random() < 0.95,
                "can_manage": manages,
                "can_delete": manages and rng.random() < 0.5,
                "treat_as_inbox": (user_id == 1 and queue_id == 1) or (user_id > 1 and rng.random() < 0.2),
            }
        )
    return Person(user_id, name, email, is_staff=True, queues=queues)


def _make_customers(rng: random.Random, world: World) -> list[Person]:
    """Return Marcus, then three hundred runners of whom every fifth has an account."""
    people = [Person(FIRST_CUSTOMER_ID, "Marcus Webb", "marcus@trailblazers-club.example", is_staff=False)]
    for number in range(1, 301):
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        host = "trailblazers-club.example" if number % 12 == 0 else rng.choice(MAIL_HOSTS)
        local = f"{first}.{last}{number}".replace("'", "")
        email = f"{local if number % 9 == 0 else local.lower()}@{host}"
        user_id = FIRST_CUSTOMER_ID + number if number % 5 == 0 else None
        people.append(Person(user_id, f"{first} {last}", email, is_staff=False))
    world["users"] += [
        _build_user(person.id, person.name, person.email, is_staff=False) for person in people if person.id is not None
    ]
    club = QUEUES.index("Club Orders") + 1
    world["queue_permissions"].append({"user_id": FIRST_CUSTOMER_ID, "queue_id": club, "can_view": True})
    return people


def _make_teams(rng: random.Random, world: World, staff: tuple[Person, ...]) -> None:
    for team_id, name in enumerate(TEAMS, start=1):
        world["teams"].append({"id": team_id, "name": name})
        others = rng.sample(staff[1:], rng.randint(3, 8))
        members = [staff[0], *others] if team_id in {1, 6} else others
        world["team_members"] += [{"team_id": team_id, "user_id": person.id} for person in members]


def _build_user(user_id: int, name: str, email: str, *, is_staff: bool) -> dict[str, Any]:
    return {"id": user_id, "name": name, "email": email, "is_staff": is_staff}
