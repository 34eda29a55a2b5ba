"""Alerts and the dashboard: promtool understands them, and each alert comes when it should and has a runbook entry."""

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.monitoring import ALERTS, DASHBOARD, PANELS, fill_query, needs_promtool, run_promtool
from tests.support.running import ROOT
from tickiti_query.operations.health import Readiness

CASES = Path(__file__).with_name("alerts_test.yml")
(GROUP,) = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
RULES: list[dict[str, Any]] = GROUP["rules"]
QUERIES = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


@needs_promtool
def test_every_alert_comes_when_it_should_and_else_not() -> None:
    run_promtool("check", "rules", ALERTS)
    run_promtool("test", "rules", CASES)


@each_rule
def test_every_alert_has_a_case_in_which_it_comes_and_one_in_which_it_does_not(rule: dict[str, Any]) -> None:
    tests = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


@each_rule
def test_every_alert_has_an_entry_that_says_what_to_do(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    assert rule["annotations"]["runbook_url"] == f"{urls['Runbook']}#{name.lower()}"
    assert rule["labels"]["severity"] in {"page", "warn", "info"}
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    (entry,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    words = re.findall(r"^\*\*([\w ]+)\*\*", entry, re.MULTILINE)
    assert words == ["It means", "Look", "Do"]


def test_every_entry_is_of_an_alert() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == [rule["alert"] for rule in RULES]
    links = set(re.findall(r"\(#(\w+)\)", text))
    assert links <= {rule["alert"].lower() for rule in RULES}


def test_a_lost_replica_is_mended_by_check_and_every_check_is_there() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    (entry,) = re.findall(r"^## TickitiQueryReplicaUnavailable\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert tuple(re.findall(r"^- `(\w+)`:", entry, re.MULTILINE)) == Readiness.CHECKS


@needs_promtool
def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    filled = [fill_query(query) for query in QUERIES]
    assert len(filled) > 20
    assert not [query for query in filled if "$" in query]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(filled)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run_promtool("check", "rules", tmp_path / "panels.yml")


@needs_promtool
def test_a_cache_without_hits_is_shown_as_none_and_not_as_no_data(tmp_path: Path) -> None:
    hits = [fill_query(query) for query in QUERIES if 'cache="hit"' in query]
    assert len(hits) == 2
    answers = 'tickiti_query_requests_total{job="tickiti-query", status="200", cache="miss", perspective="3"}'
    case = {
        "interval": "15s",
        "input_series": [{"series": answers, "values": "0+9x40"}],
        "promql_expr_test": [
            {
                "expr": f"sum({query})",
                "eval_time": "10m",
                "exp_samples": [{"labels": "{}", "value": 0}],
            }
            for query in hits
        ],
    }
    (tmp_path / "hits.yml").write_text(yaml.safe_dump({"tests": [case]}))
    run_promtool("test", "rules", tmp_path / "hits.yml")


def test_every_panel_has_its_own_place_and_a_source_that_can_be_chosen() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in PANELS
        for x, y in itertools.product(range(panel["gridPos"]["w"]), range(panel["gridPos"]["h"]))
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    for panel in PANELS:
        for target in panel.get("targets", ()):
            assert panel["title"]
            assert target["datasource"]["uid"] == "${datasource}"
            assert {"datasource", "job"} <= variables
            assert 'job=~"$job"' in target["expr"]
