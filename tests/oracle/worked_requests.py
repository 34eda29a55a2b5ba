"""Cases of request bodies that were worked by hand from the contract, over the world of `example`."""

from typing import Any

from tests.oracle.example import ANN, BOB, CLEO, MINE, a_perspective
from tests.oracle.values import World


def search(*criteria: Any, **fields: Any) -> dict[str, Any]:
    return {"search_object": {"criteria": list(criteria), **fields}}


def ask(mode: Any, *tokens: Any, **match: Any) -> dict[str, Any]:
    return {"mode": mode, "tokens": list(tokens), **match}


CRITERIA: dict[str, tuple[list[dict[str, Any]], set[int]]] = {
    "no criteria narrow nothing": ([], {1, 2, 3, 4, 9}),
    "a text needs all tokens": ([ask("subject", "carbon", "PLATE")], {2}),
    "a text with any": ([ask("subject", "été", "PLATE", match="any")], {2, 3}),
    "match null is absent": ([ask("subject", "carbon", "PLATE", match=None)], {2}),
    "contents may be in different responses": ([ask("content", "sole", "lawyer")], {1}),
    "each token in subject or content": ([ask("subject_content", "sole", "carbon")], {1}),
    "once where subject and content have it": ([ask("subject_content", "o")], {1, 2, 4}),
    "in subject or content, and closed": ([ask("subject_content", "o"), ask("status", "closed")], {2}),
    "a percent sign is plain": ([ask("subject_content", "%")], {1}),
    "others need any token whatever match says": ([ask("status", "closed", "on-hold", match="all")], {2, 3}),
    "assigned as in conditions": ([ask("assigned", "me")], {1, 2}),
    "assigned to a team and its members": ([ask("assigned", "team-and-members:7")], {4, 9}),
    "assigned to nobody": ([ask("assigned", "Unassigned")], {3}),
    "participant": ([ask("participant", "bob@X.io", "me")], {1, 4}),
    "raised": ([ask("raised", "me")], {4}),
    "raised by either of two": ([ask("raised", "me", "cleo@y.io")], {1, 4, 9}),
    "priority": ([ask("priority", 10, "30", "urgent")], {2, 3, 4}),
    "hashtag": ([ask("hashtag", "#VIP")], {1, 4}),
    "queue by exact name": ([ask("queue", "Returns", "sales")], {2}),
    "a queue's id is no name": ([ask("queue", "2")], set()),
    "watchlist by integer or digits": ([ask("watchlist", 1, "04")], {1, 9}),
    "a watchlist not seen": ([ask("watchlist", 3)], set()),
    "a watchlist beyond 64 bits": ([ask("watchlist", 2**64, "9" * 400)], set()),
    "several ticket numbers": ([ask("ticket_number", 220009, "0220001", -1)], {1, 9}),
    "a ticket number beyond 64 bits": ([ask("ticket_number", "9" * 500)], set()),
    "created from a day": ([ask("created_from", "2026-05-01")], {1, 2, 3, 4, 9}),
    "created from a second later": ([ask("created_from", "2026-05-01 09:00:01")], set()),
    "created to that second": ([ask("created_to", "2026-05-01 09:00:00")], {1, 2, 3, 4, 9}),
    "updated from and to": (
        [ask("updated_from", "2026-05-01 11:00:00"), ask("updated_to", "2026-05-01 13:00:00")],
        {2, 3, 4},
    ),
    "updated to the end of a day": ([ask("updated_to", "2026-05-01")], {1, 2, 3, 4, 9}),
    "updated to the day before": ([ask("updated_to", "2026-04-30")], set()),
    "criteria of one mode are alternatives": ([ask("subject", "été"), ask("subject", "plate")], {2, 3}),
    "different modes must all hold": ([ask("subject", "carbon"), ask("status", "open")], {1}),
    "somebody who is nowhere": ([ask("raised", "nobody@x.io")], set()),
    "a token of 500 characters": ([ask("subject", "a" * 500)], set()),
}


def crowd(world: World) -> World:
    """Perspectives whose names collide: built-in, Ann's, and Bob's shared and private ones."""
    world["perspectives"] += [
        a_perspective(60, "Same", owner_id=BOB, shared=True),
        a_perspective(61, "Same"),
        a_perspective(62, "Same"),
        a_perspective(63, "Built", owner_id=BOB, shared=True),
        a_perspective(64, "Built"),
        a_perspective(66, "Built", is_builtin=True, owner_id=None),
        a_perspective(65, "Built", is_builtin=True, owner_id=None),
        a_perspective(67, "Secret", owner_id=BOB),
        a_perspective(68, "All"),
        a_perspective(69, "", is_builtin=True, owner_id=None),
        a_perspective(70, "Shared", owner_id=BOB, shared=True),
    ]
    return world


def named(name: Any) -> dict[str, Any]:
    return {"search_object": {"search_perspective": name}}


SELECTORS: dict[str, tuple[int, Any, int | None, int]] = {
    "no selector is All": (ANN, {}, None, 200),
    "a search object of null is absent": (ANN, {"search_object": None}, None, 200),
    "by id": (ANN, {"perspective_id": MINE}, MINE, 200),
    "by digits": (ANN, {"perspective_id": "0050"}, MINE, 200),
    "an id of null is absent": (ANN, {"perspective_id": None, **named("Mine")}, MINE, 200),
    "the search id": (ANN, {"search_object": {"search_perspective_id": "50"}}, MINE, 200),
    "by name": (ANN, named("Mine"), MINE, 200),
    "a name is exact": (ANN, named("mine"), None, 404),
    "a built-in wins by name, the lowest id": (ANN, named("Built"), 65, 200),
    "then one's own, the lowest id": (ANN, named("Same"), 61, 200),
    "then a shared one": (BOB, named("Shared"), 70, 200),
    "one's own before a shared one of one's own": (BOB, named("Same"), 60, 200),
    "nobody's own stands in for All": (ANN, named("All"), None, 200),
    "a private one of somebody else": (ANN, {"perspective_id": 67}, None, 404),
    "a private one by name": (ANN, named("Secret"), None, 404),
    "a shared one by id": (ANN, {"perspective_id": 70}, 70, 200),
    "an empty name does not exist": (ANN, named(""), None, 404),
    "the id comes before the search id": (
        ANN,
        {"perspective_id": 61, "search_object": {"search_perspective_id": 70}},
        61,
        200,
    ),
    "the search id comes before the name": (
        ANN,
        {"search_object": {"search_perspective_id": 70, "search_perspective": "Mine"}},
        70,
        200,
    ),
    "nothing falls through to the next": (ANN, {"perspective_id": 999, **named("Mine")}, None, 404),
    "a negative id does not exist": (ANN, {"perspective_id": -1}, None, 404),
    "an id beyond 64 bits does not exist": (ANN, {"perspective_id": 2**64}, None, 404),
    "nor do such digits": (ANN, {"search_object": {"search_perspective_id": "9" * 5000}}, None, 404),
    "a customer has All": (CLEO, named("All"), None, 200),
    "a customer has no built-in but All": (CLEO, {"perspective_id": 65}, None, 404),
    "a customer has no shared one": (CLEO, named("Shared"), None, 404),
}


CRITERION = "search_object.criteria.0"
TOKEN = f"{CRITERION}.tokens.0"
INVALID: dict[str, tuple[Any, str]] = {
    "a list": ([{}], ""),
    "null": (None, ""),
    "a string": ("All", ""),
    "an id of true": ({"perspective_id": True}, "perspective_id"),
    "an id of 1.0": ({"perspective_id": 1.0}, "perspective_id"),
    "an empty id": ({"perspective_id": ""}, "perspective_id"),
    "negative digits": ({"perspective_id": "-1"}, "perspective_id"),
    "digits of another script": ({"perspective_id": "٥٠"}, "perspective_id"),
    "a search id that is a float": (
        {"search_object": {"search_perspective_id": 1.5}},
        "search_object.search_perspective_id",
    ),
    "a name that is a number": (named(1), "search_object.search_perspective"),
    "a search object that is a list": ({"search_object": [{}]}, "search_object"),
    "no rows": ({"row_limit": 0}, "row_limit"),
    "too many rows": ({"row_limit": 5001}, "row_limit"),
    "rows as a string": ({"row_limit": "10"}, "row_limit"),
    "rows as true": ({"row_limit": True}, "row_limit"),
    "rows as a float": ({"row_limit": 10.0}, "row_limit"),
    "a NUL in an ignored field": ({"extra": ["a\0"]}, "extra.0"),
    "a lone surrogate in a key": ({"extra": {"\ud800": 1}}, "extra.\ud800"),
    "a lone surrogate in a name": (named("\udfff"), "search_object.search_perspective"),
    "criteria that are an object": ({"search_object": {"criteria": {}}}, "search_object.criteria"),
    "21 criteria": (search(*[ask("subject", "a")] * 21), "search_object.criteria"),
    "1001 tokens": (
        search(ask("status", *["open"] * 500), ask("queue", *["a"] * 501)),
        "search_object.criteria",
    ),
    "a criterion that is a string": (search("subject"), CRITERION),
    "a criterion that is null": (search(None), CRITERION),
    "no mode": (search({"tokens": ["a"]}), f"{CRITERION}.mode"),
    "an unknown mode": (search(ask("Subject", "a")), f"{CRITERION}.mode"),
    "no tokens": (search({"mode": "subject"}), f"{CRITERION}.tokens"),
    "an empty token list": (search(ask("subject")), f"{CRITERION}.tokens"),
    "tokens that are a string": (search({"mode": "subject", "tokens": "a"}), f"{CRITERION}.tokens"),
    "an empty token": (search(ask("subject", "a", "")), f"{CRITERION}.tokens.1"),
    "an over-long token": (search(ask("subject", "a" * 501)), TOKEN),
    "a number where text is wanted": (search(ask("subject", 1)), TOKEN),
    "a queue's number": (search(ask("queue", 1)), TOKEN),
    "a token of true": (search(ask("watchlist", True)), TOKEN),
    "a token of 10.0": (search(ask("priority", 10.0)), TOKEN),
    "a token of null": (search(ask("raised", None)), TOKEN),
    "a match of none": (search(ask("status", "open", match="none")), f"{CRITERION}.match"),
    "a match of true": (search(ask("subject", "a", match=True)), f"{CRITERION}.match"),
    "an unknown status": (search(ask("status", "Open")), TOKEN),
    "an unknown priority": (search(ask("priority", 15)), TOKEN),
    "a priority label outside ASCII": (search(ask("priority", "ＬＯＷ")), TOKEN),
    "a date that is none": (search(ask("created_from", "2026-02-30")), TOKEN),
    "a date with a T": (search(ask("created_to", "2026-05-01T09:00:00")), TOKEN),
    "hour 24": (search(ask("updated_to", "2026-05-01 24:00:00")), TOKEN),
    "the year 0": (search(ask("updated_from", "0000-01-01")), TOKEN),
    "a number that is none": (search(ask("ticket_number", "22x")), TOKEN),
    "a negative number as a string": (search(ask("watchlist", "-1")), TOKEN),
    "a malformed team key": (search(ask("assigned", "team:x")), TOKEN),
    "a team key in another case": (search(ask("assigned", "Team:7")), TOKEN),
    "a malformed key of team and members": (search(ask("assigned", "team-and-members:")), TOKEN),
    "a hash alone": (search(ask("hashtag", "#")), TOKEN),
}


UNSUPPORTED: dict[str, dict[str, Any]] = {
    "an unknown field": {"conditions": [("Subject", "is", "a")]},
    "an unknown operator": {"conditions": [("subject", "IS", "a")]},
    "an operator of other fields": {"conditions": [("content", "is", "a")]},
    "contains on a status": {"conditions": [("status", "contains", "open")]},
    "an unknown status": {"conditions": [("status", "is", "Open")]},
    "an unknown priority": {"conditions": [("priority", "is", 15)]},
    "a priority that is a float": {"conditions": [("priority", "is", 10.0)]},
    "a queue that is true": {"conditions": [("queue", "is", True)]},
    "a queue that is a float": {"conditions": [("queue", "is", 1.0)]},
    "an empty array": {"conditions": [("subject", "is", [])]},
    "an array in an array": {"conditions": [("subject", "is", [["a"]])]},
    "an object": {"conditions": [("subject", "is", {})]},
    "null": {"conditions": [("resolution", "is", None)]},
    "an empty text": {"conditions": [("subject", "contains", "")]},
    "an empty text among others": {"conditions": [("subject", "contains", ["a", ""])]},
    "a number as text": {"conditions": [("originator", "is", 1)]},
    "a flag as a string": {"conditions": [("unread", "is", "true")]},
    "a flag as a number": {"conditions": [("unread", "is", 1)]},
    "a malformed team key": {"conditions": [("assignee", "is", "team:7 ")]},
    "a hash alone": {"conditions": [("hashtag", "is", "#")]},
    "an unknown order": {"orders": [("watchlist", True)]},
    "an unknown column": {"columns": ["content"]},
    "an impersonated user who is not there": {"impersonate": 999},
}
