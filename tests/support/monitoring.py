"""The alerts, the dashboard, and promtool, which tries them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import ROOT

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "tickiti-query.json").read_text("utf-8"))
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="no promtool (Debian: prometheus): the alerts were not tried"
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]


def run_promtool(*arguments: str | Path) -> None:
    ran = subprocess.run([PROMTOOL or "", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def fill_query(query: str, rate: str = "1m") -> str:
    """A query of the dashboard with what Grafana puts in before it asks."""
    return query.replace("$__rate_interval", rate).replace("$__range", "6h").replace("$job", ".*")
