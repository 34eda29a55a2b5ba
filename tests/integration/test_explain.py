"""`explain` and `why` over the shop on a real standby: what they say, and that it is what the service does."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER
from tests.support.shop import PRIYA, TOM, Shop
from tickiti_query.catalogue.fields import CORE
from tickiti_query.cli import explain, main, why
from tickiti_query.cli.question import read_question
from tickiti_query.cli.wording import quote
from tickiti_query.compiler.reasons import Reasons
from tickiti_query.model.errors import QueryTimeout
from tickiti_query.model.perspective import Selector, TicketQuery
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.execution import Transaction, deadline_from_now
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.contract_source import ContractSources

PRIYAS_ADDRESS = "priya.sharma@sole-provider.example"
MARCUS = "marcus@trailblazers-club.example"
Output = tuple[int, list[str], str]  # exit code, lines of standard output, standard error


@dataclass
class Commands:
    """The command line, set up for the shop."""

    shop: Shop
    capsys: pytest.CaptureFixture[str]

    def call(self, *words: str) -> Output:
        self.capsys.readouterr()
        code = main(words)
        output = self.capsys.readouterr()
        return code, output.out.splitlines(), output.err

    def why(self, user: int | str, ticket: int, *words: str) -> list[str]:
        code, lines, errors = self.call("why", "--user", str(user), "--ticket", str(ticket), *words)
        assert (code, errors) == (0, "")
        return lines

    def explain(self, user: int | str, *words: str) -> list[str]:
        code, lines, errors = self.call("explain", "--user", str(user), *words)
        assert (code, errors) == (0, "")
        return lines


@pytest.fixture
def commands(shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("TICKITI_REPLICA_URL", shop.pair.standby.url_for(READER))
    return Commands(shop, capsys)


@contextlib.contextmanager
def add_view(
    shop: Shop, *conditions: tuple[str, str, Any], orders: Sequence[tuple[str, bool]] = (), **row: Any
) -> Iterator[str]:
    """A perspective of Priya's, as long as the block runs; its id."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(shop.add_row("perspectives", **{"id": 905, "name": "Asked", "owner_id": 1, **row}))
        shop.pair.primary.execute("DELETE FROM reporting.perspective_conditions WHERE perspective_id = 905")
        for relation in ("perspective_conditions", "perspective_orders"):
            undo = f"DELETE FROM reporting.{relation} WHERE perspective_id = 905"
            stack.callback(shop.pair.primary.execute, undo)
        for position, (field, operator, value) in enumerate(conditions):
            shop.pair.primary.execute(
                "INSERT INTO reporting.perspective_conditions VALUES (905, %s, %s, %s, %s)",
                (position, field, operator, json.dumps(value)),
            )
        for position, (field, ascending) in enumerate(orders):
            shop.pair.primary.execute(
                "INSERT INTO reporting.perspective_orders VALUES (905, %s, %s, %s)",
                (position, field, ascending),
            )
        yield "905"


def search(*criteria: dict[str, Any]) -> str:
    return json.dumps({"search_object": {"criteria": criteria}})


# why ----------------------------------------------------------------------------------------------------------


def test_the_documented_ticket_is_at_the_first_place(commands: Commands) -> None:
    lines = commands.why(PRIYAS_ADDRESS.upper(), 220009, "--perspective", "3")
    listed = commands.shop.list_rows(PRIYA, {"perspective_id": 3, "row_limit": 5000})
    assert lines == [
        f'Ticket 220009 is in the list of perspective 3 "Open returns, oldest first", at place 1 of {len(listed)}.',
        "yes  not deleted",
        "yes  not a draft",
        "yes  its queue exists: Returns (1)",
        f"yes  user 1 <{PRIYAS_ADDRESS}> sees this queue",
        'yes  queue is "Returns": the ticket has "Returns"',
        'yes  status is "open": the ticket has "open"',
        '     order: created_at ascending: "2026-05-01 09:14:02"',
    ]


def test_a_place_beyond_the_row_limit_is_told(commands: Commands) -> None:
    rows = commands.shop.list_rows(PRIYA, {"perspective_id": 3, "row_limit": 3})
    ticket, words = rows[-1]["number"], ("--perspective", "Open returns, oldest first", "--row-limit", "2")
    assert re.search(r"at place 3 of \d+, beyond the row limit of 2\.$", commands.why(1, ticket, *words)[0])


@pytest.mark.parametrize(("user", "token"), [("1", PRIYA), ("2", TOM)], ids=["priya", "tom"])
def test_the_verdict_is_what_the_service_lists(shop: Shop, user: str, token: str) -> None:
    target = Target(shop.pair.standby.url_for(READER), "reporting", 5000)
    numbers = [number for (number,) in shop.pair.primary.execute("SELECT number FROM reporting.tickets")]
    with contextlib.closing(Replica(target, connections=1)) as replica:
        for perspective in range(1, 18):
            response = shop.ask(token, {"perspective_id": perspective, "row_limit": 5000})
            if response.status_code == 404:
                continue
            places = {row["number"]: place for place, row in enumerate(response.get_json()["data"], 1)}
            query = TicketQuery(Selector(id=perspective))
            for number in [*places][:: max(1, len(places) // 3)] + numbers[perspective::997]:
                reasons, place = replica.read(partial(judge, user, query, number), deadline_from_now(30))
                assert reasons is not None
                assert reasons.is_listed == (number in places), (perspective, number)
                assert place == ((places[number], len(places)) if number in places else None)


def judge(user: str, query: TicketQuery, number: int, source: Transaction) -> tuple[Reasons | None, why.Place]:
    contract = ContractSources().open(source)
    return why.judge(contract, read_question(contract, user, query), number)[1:]


# what is changed of ticket 220009 -> how it is undone, and the line that says so
STATES = [
    (
        "deleted_at = '2026-06-01 10:00:00'",
        "deleted_at = NULL",
        "no   not deleted: deleted at 2026-06-01 10:00:00",
    ),
    ("is_draft = true", "is_draft = false", "no   not a draft"),
    ("queue_id = 77", "queue_id = 1", "no   its queue exists: no such queue (77)"),
    ("queue_id = 6", "queue_id = 1", f"no   user 1 <{PRIYAS_ADDRESS}> sees this queue"),
]


@pytest.mark.parametrize(("change", "undo", "line"), STATES)
def test_what_is_always_filtered_out_is_told(commands: Commands, change: str, undo: str, line: str) -> None:
    where = "WHERE number = 220009"
    with commands.shop.change(f"UPDATE tickets SET {change} {where}", f"UPDATE tickets SET {undo} {where}"):
        lines = commands.why(1, 220009)
    assert lines[0] == 'Ticket 220009 is not in the list of perspective 1 "All".'
    assert line in lines


def test_who_sees_all_queues_sees_this_one(commands: Commands) -> None:
    assert "yes  user 2 <tom.okafor@sole-provider.example> sees all queues" in commands.why(2, 220009)


# a condition -> the line for ticket 220009
CONDITIONS = [
    (
        ("status", "is not", ["open", "on-hold"]),
        'no   status is not "open" nor "on-hold": the ticket has "open"',
    ),
    (("priority", "is", [30, "Urgent"]), 'no   priority is 30 or "Urgent": the ticket has "20"'),
    (("queue", "is", 4), 'no   queue is 4: the ticket has "Returns"'),
    (
        ("subject", "contains", "CARBON"),
        'yes  subject contains "CARBON": the ticket has "Carbon plate cracked on first marathon"',
    ),
    (
        ("content", "contains", "no such words"),
        'no   content contains "no such words": the ticket has responses: 2',
    ),
    (("assignee", "is", "Unassigned"), f'no   assignee is "Unassigned": the ticket has "{PRIYAS_ADDRESS}"'),
    (
        ("originator", "is", "me"),
        'no   originator is "me": the ticket has "marcus@trailblazers-club.example"',
    ),
    (
        ("participant", "is not", "MARCUS@trailblazers-club.example"),
        'no   participant is not "MARCUS@trailblazers-club.example": the ticket has ' + quote(MARCUS),
    ),
    (("hashtag", "is", "#carbon-PLATE"), 'yes  hashtag is "#carbon-PLATE": the ticket has "carbon-plate"'),
    (("watchlist", "is", 1), "no   watchlist is 1: the ticket has nothing"),
    (("resolution", "is not", "Refunded"), 'yes  resolution is not "Refunded": the ticket has nothing'),
    (("retained", "is", True), "no   retained is true: for this ticket it is false"),
    (("participating", "is not", True), "yes  participating is not true: for this ticket it is false"),
    (("inbox", "is", True), "yes  inbox is true: for this ticket it is true"),
    (
        ("recently_read", "is", True),
        "no   recently_read is true: the ticket has last read: never, last response or creation: ",
    ),
    (
        ("unread", "is", True),
        "yes  unread is true: the ticket has last read: never, last response or creation: ",
    ),
    (
        ("for_attention", "is", True),
        'yes  for_attention is true: the ticket has "assigned", "in an inbox"',
    ),
]


@pytest.mark.parametrize(("condition", "line"), CONDITIONS, ids=lambda each: str(each)[:30])
def test_a_condition_is_told_with_what_the_ticket_has(
    commands: Commands, condition: tuple[str, str, Any], line: str
) -> None:
    with add_view(commands.shop, condition) as perspective:
        lines = commands.why(1, 220009, "--perspective", perspective)
    assert [found for found in lines if found.startswith(line)], lines
    assert (" is not in the list of " in lines[0]) == line.startswith("no")


def test_positive_conditions_of_a_field_are_alternatives(commands: Commands) -> None:
    conditions = [
        ("subject", "is", "Returns"),
        ("subject", "contains", "carbon"),
        ("subject", "does not contain", "plate"),
    ]
    with add_view(commands.shop, *conditions) as perspective:
        lines = commands.why(1, 220009, "--perspective", perspective)
    has = 'the ticket has "Carbon plate cracked on first marathon"'
    assert lines[5:9] == [
        f'no   subject does not contain "plate": {has}',
        "yes  at least one of these:",
        f'       no   subject is "Returns": {has}',
        f'       yes  subject contains "carbon": {has}',
    ]


def test_criteria_of_a_mode_are_alternatives(commands: Commands) -> None:
    body = search(
        {"mode": "content", "tokens": ["no such words"]},
        {"mode": "content", "tokens": ["plate", "nor such"], "match": "any"},
        {"mode": "watchlist", "tokens": [5, "6"]},
        {"mode": "created_from", "tokens": ["2026-05-01"]},
        {"mode": "subject_content", "tokens": ["carbon", "plate"]},
        {"mode": "raised", "tokens": ["me"]},
    )
    lines = commands.why(1, 220009, "--perspective", "3", "--body", body)
    assert lines[7:15] == [
        "yes  at least one of these:",
        '       no   search content: "no such words": the ticket has responses: 2',
        '       yes  search content: "plate" or "nor such": the ticket has responses: 2',
        "no   search watchlist: 5 or 6: the ticket has nothing",
        'yes  search created_from: "2026-05-01 00:00:00": the ticket has "2026-05-01 09:14:02"',
        'yes  search subject_content: "carbon" and "plate": the ticket has responses: 2',
        'no   search raised: "me": the ticket has "marcus@trailblazers-club.example"',
        '     order: created_at ascending: "2026-05-01 09:14:02"',
    ]


def test_what_is_the_subjects_is_read_through_the_subjects_eyes(commands: Commands) -> None:
    lines = commands.why(2, 220009, "--perspective", "11")
    assert 'yes  for_attention is true: the ticket has "assigned", "in an inbox"' in lines


def test_a_ticket_that_is_not_there_is_said_so(commands: Commands) -> None:
    assert commands.why(1, 999) == ["There is no ticket 999."]
    assert commands.why(1, 10**30) == [f"There is no ticket {10**30}."]


def test_a_list_too_long_to_count_leaves_the_reasons(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "compile_place", lambda *_: Statement("SELECT pg_sleep(9), 1"))
    monkeypatch.setenv("TICKITI_STATEMENT_TIMEOUT_MS", "1500")
    lines = commands.why(1, 220009)
    assert lines[0] == 'Ticket 220009 is in the list of perspective 1 "All"; to count its place took too long.'
    assert "yes  not deleted" in lines


# explain ------------------------------------------------------------------------------------------------------


def test_a_question_is_told_with_its_sql_and_its_plan(commands: Commands) -> None:
    body = search({"mode": "subject", "tokens": ["carbon", "plate"]}, {"mode": "assigned", "tokens": ["me"]})
    lines = commands.explain(1, "--perspective", "3", "--body", body, "--row-limit", "7")
    assert lines[:12] == [
        f"user         1 Priya Sharma <{PRIYAS_ADDRESS}>, staff",
        "queues       Returns (1), Sizing & Fit (4), Warranty (5)",
        'perspective  3 "Open returns, oldest first", read as the acting user',
        'conditions   status is "open"',
        '             queue is "Returns"',
        'criteria     search subject: "carbon" and "plate"',
        '             search assigned: "me"',
        "order        created_at ascending, ticket_id descending",
        f"columns      {', '.join(CORE)}",
        "row limit    7",
        'looked up    queues named "Returns": 1',
        f'             teams of email "{PRIYAS_ADDRESS}": 1, 6',
    ]
    assert "\\set limit_1 '8'" in lines
    assert any(re.search(r"\(actual time=.* rows=.* loops=1\)", line) for line in lines)
    assert any(line.strip().startswith("Buffers: ") for line in lines)


def test_an_impersonated_perspective_and_a_customer_are_told(commands: Commands) -> None:
    lines = commands.explain(2, "--perspective", "11", "--no-run")
    assert lines[1:3] == [
        "queues       all",
        f'perspective  11 "Priya\'s desk while she is away", read as user 1 <{PRIYAS_ADDRESS}>',
    ]
    assert commands.explain(101)[0].endswith(", not staff")


def test_the_plan_alone_runs_nothing(commands: Commands) -> None:
    lines = commands.explain(1, "--no-run")
    assert "-- EXPLAIN" in lines
    assert not any("actual time" in line for line in lines)


def test_a_scan_that_grows_is_warned_of_with_its_likely_cause(commands: Commands) -> None:
    tail = "deploy/reporting_indexes.sql has the indexes."
    assert commands.explain(1, "--perspective", "3")[-1] == (
        'warning: reads all of tickets, 5,000 rows; likely for queue is "Returns", status is "open",'
        f" the order by created_at. {tail}"
    )
    assert re.fullmatch(
        f'warning: reads all of responses, [0-9,]+ rows; likely for content contains "carbon" or "rattling". {tail}',
        commands.explain(2, "--perspective", "9")[-1],
    )


def test_a_long_walk_along_an_index_is_warned_of(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = [
        "Limit  (cost=0..1 rows=1 width=1) (actual time=1..2 rows=1 loops=1)",
        "  ->  Index Scan using tickets_updated on tickets t  (cost=0..1) (actual time=1..2 rows=1 loops=1)",
        "        Filter: ((deleted_at IS NULL) AND (status = 'open'::text))",
        "        Rows Removed by Filter: 31000",
    ]
    monkeypatch.setattr(explain, "fetch_plan", lambda *_: plan)
    assert commands.explain(1, "--perspective", "3")[-1] == (
        "warning: walks through tickets by tickets_updated, 31,001 rows, and throws 31,000 of them away;"
        ' likely for status is "open". deploy/reporting_indexes.sql has the indexes.'
    )


def test_a_plan_in_which_nothing_grows_is_said_to_be_one(commands: Commands) -> None:
    body = search({"mode": "ticket_number", "tokens": [220009]})
    lines = commands.explain(1, "--body", body)
    assert lines[-1] == "No scan is seen to grow with the number of tickets."


def test_tables_beneath_views_are_known_by_the_contracts_names(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = commands.shop.pair.primary
    names = [
        name
        for (name,) in primary.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = CAST('reporting' AS regnamespace) AND relkind = 'r'"
        )
    ]
    views = "; ".join(f"CREATE VIEW seen.{name} AS SELECT * FROM reporting.{name}" for name in names)
    primary.execute(f"CREATE SCHEMA seen; {views}")
    primary.execute(
        "CREATE TABLE seen.posts AS SELECT * FROM reporting.responses; ANALYZE seen.posts;"
        "CREATE OR REPLACE VIEW seen.responses AS SELECT * FROM seen.posts;"
        f"GRANT USAGE ON SCHEMA seen TO {READER}; GRANT SELECT ON ALL TABLES IN SCHEMA seen TO {READER}"
    )
    try:
        monkeypatch.setenv("TICKITI_REPLICA_SCHEMA", "seen")
        lines = commands.explain(2, "--perspective", "9")
        assert any("reads all of posts, " in line and "content contains" in line for line in lines)
    finally:
        primary.execute("DROP SCHEMA seen CASCADE")


def test_where_running_takes_too_long_the_estimated_plan_is_shown(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = explain.fetch_plan

    def time_out(replica: Replica, head: str, statement: Statement) -> Sequence[str]:
        if head == explain.MEASURED:
            raise QueryTimeout
        return fetch(replica, head, statement)

    monkeypatch.setattr(explain, "fetch_plan", time_out)
    code, lines, errors = commands.call("explain", "--user", "1", "--perspective", "3")
    assert (code, errors.partition(":")[2][:18]) == (1, " 504 query_timeout")
    assert "-- EXPLAIN" in lines
    assert lines[-1].startswith("warning: reads all of tickets; likely for ")


# errors -------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[list[str], int, str]] = [
    (["--user", "nobody@x.example"], 1, 'there is no user "nobody@x.example"'),
    (["--user", str(10**30)], 1, f'there is no user "{10**30}"'),
    (
        ["--user", "2", "--perspective", "6"],
        1,
        "404 not_found: There is no such perspective for this user.",
    ),
    (
        ["--user", "1", "--perspective", "all"],
        1,
        "404 not_found: There is no such perspective for this user.",
    ),
    (["--user", "1", "--body", "{"], 1, "400 malformed_json: The body is not valid JSON in UTF-8."),
    (
        ["--user", "1", "--body", '{"row_limit": 0}'],
        1,
        "422 validation_failed: row_limit: Must be from 1 to 5000.",
    ),
    (
        ["--user", "1", "--body", search({"mode": "status", "tokens": ["moon"]})],
        1,
        "422 validation_failed: search_object.criteria.0.tokens.0: Must be one of open, on-hold, closed.",
    ),
    (
        ["--user", "1", "--body", "@/nonexistent"],
        2,
        "--body: /nonexistent cannot be read: No such file or directory",
    ),
    (["--user", "1", "--body", "@"], 2, "--body: @ needs the name of a file behind it"),
    (["--user", "1", "--body", "@/dev/zero"], 1, "413 payload_too_large: The body is larger than 64 KiB."),
    *(
        (["--user", "1", "--row-limit", limit], 2, "--row-limit must be a whole number from 1 to 5000")
        for limit in ("0", "5001", "1e3", "9" * 5000)
    ),
]


@pytest.mark.parametrize("command", [["explain"], ["why", "--ticket", "220009"]], ids=lambda words: words[0])
@pytest.mark.parametrize(("words", "code", "sentence"), REFUSED, ids=lambda each: str(each)[:30])
def test_an_error_is_one_sentence(
    commands: Commands, command: list[str], words: list[str], code: int, sentence: str
) -> None:
    expected: Output = (code, [], f"python -m tickiti_query: {sentence}\n")
    assert commands.call(*command, *words) == expected


def test_a_perspective_that_is_not_supported_is_refused(commands: Commands) -> None:
    with add_view(commands.shop, ("moon", "is", "full")) as perspective:
        found = commands.call("why", "--user", "1", "--ticket", "1", "--perspective", perspective)
    sentence = 'perspective 905 "Asked" has a condition on "moon" with operator "is", which is not supported.'
    assert found == (1, [], f"python -m tickiti_query: 501 unsupported_perspective: {sentence}\n")


def test_without_a_replica_the_reason_is_told(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKITI_REPLICA_URL", "postgresql://tickiti_query@127.0.0.1:1/postgres")
    code, lines, errors = commands.call("explain", "--user", "1")
    assert (code, lines) == (1, [])
    assert re.search(r": 503 replica_unavailable: .* \(.*refused", errors)


def test_a_primary_is_told_to_be_one(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKITI_REPLICA_URL", commands.shop.pair.primary.url_for(READER))
    code, lines, errors = commands.call("explain", "--user", "1")
    assert (code, lines) == (1, [])
    assert "(the server is a primary, and TICKITI_REQUIRE_STANDBY asks for a hot standby)" in errors


def test_a_ticket_has_a_number(commands: Commands) -> None:
    code, _, errors = commands.call("why", "--user", "1", "--ticket", "first")
    assert (code, errors) == (2, "python -m tickiti_query: --ticket must be a ticket's number\n")


def test_an_address_of_several_users_is_refused(commands: Commands) -> None:
    with commands.shop.add_row("users", id=990, name="Priya too", email=PRIYAS_ADDRESS.upper()):
        code, _, errors = commands.call("explain", "--user", PRIYAS_ADDRESS)
    assert (code, errors.endswith("name one of them by id, 1, 990\n")) == (1, True)


def test_an_inactive_user_is_told_to_be_one(commands: Commands) -> None:
    assert "inactive: the service refuses" in commands.explain(38, "--no-run")[0]


def test_a_body_may_come_from_a_file(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"perspective_id": 3, "row_limit": 5, "colour": "red"}')
    lines = commands.explain(1, "--no-run", "--body", f"@{file}")
    assert lines[2].startswith("perspective  3 ")
    assert "row limit    5" in lines
    assert "ignored      colour" in lines
