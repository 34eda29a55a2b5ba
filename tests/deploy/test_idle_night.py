"""No panel of the dashboard shows NaN when nobody has asked anything for hours, nor before the replica was asked."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.monitoring import PANELS, fill_query, needs_promtool, run_promtool

LABELS = 'job="tickiti-query", instance="a", perspective="3"'
SERIES = {
    f'tickiti_query_requests_total{{{LABELS}, status="200", cache="hit", error=""}}': "40",
    f'tickiti_query_requests_total{{{LABELS}, status="503", cache="", error="overloaded"}}': "1",
    **{f'tickiti_query_request_seconds_bucket{{{LABELS}, le="{le}"}}': "41" for le in ("0.1", "+Inf")},
    **{f'tickiti_query_phase_seconds_bucket{{{LABELS}, phase="sql", le="{le}"}}': "41" for le in ("0.1", "+Inf")},
    f'tickiti_query_phase_seconds_sum{{{LABELS}, phase="sql"}}': "2",
    f"tickiti_query_rows_returned_total{{{LABELS}}}": "400",
    f"tickiti_query_rows_read_total{{{LABELS}}}": "100",
    f"tickiti_query_sql_seconds_total{{{LABELS}}}": "2",
    f'tickiti_query_cache_events_total{{{LABELS}, event="hit"}}': "40",
    f"tickiti_query_replica_lag_seconds{{{LABELS}}}": "NaN",
    f"tickiti_query_replica_major_version{{{LABELS}}}": "NaN",
    f'tickiti_query_ready{{{LABELS}, check="lag"}}': "NaN",
}
QUERIES = [
    (f"{panel['title']} {target['refId']}", target["expr"]) for panel in PANELS for target in panel.get("targets", ())
]


def write_case(path: Path, query: str, samples: list[dict[str, object]]) -> Path:
    test = {"expr": query, "eval_time": "8h", "exp_samples": samples}
    series = [{"series": name, "values": " ".join([value] * 500)} for name, value in SERIES.items()]
    path.write_text(yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [test]}]}))
    return path


@needs_promtool
@pytest.mark.parametrize("query", [query for _, query in QUERIES], ids=[name for name, _ in QUERIES])
def test_no_panel_shows_nan_on_an_idle_night(tmp_path: Path, query: str) -> None:
    filled = fill_query(query, "5m")
    # NaN alone differs from itself.
    run_promtool("test", "rules", write_case(tmp_path / "case.yml", f"({filled}) != ({filled})", []))


@needs_promtool
def test_a_night_without_requests_has_no_errors_and_no_hits(tmp_path: Path) -> None:
    ratios = [fill_query(query, "5m") for _, query in QUERIES if re.search(r"\) / ", query)]
    assert len(ratios) == 3
    for number, ratio in enumerate(ratios):
        run_promtool(
            "test",
            "rules",
            write_case(tmp_path / f"{number}.yml", f"sum({ratio})", [{"labels": "{}", "value": 0}]),
        )
