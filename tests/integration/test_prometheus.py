"""A real Prometheus over the service: every panel of the dashboard shows something, and a lost replica is seen."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.loading import READER
from demo.pair import Pair
from tests.support.monitoring import ALERTS, PANELS, fill_query
from tests.support.running import SECONDS, Running, find_free_port, wait_until
from tests.support.servers import crash
from tests.support.shop import PRIYA

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus: the dashboard was not tried on one")

CONFIGURATION = {
    "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
    "rule_files": [str(ALERTS)],
}


@dataclass(frozen=True)
class Watched:
    """The service, and the Prometheus that watches it."""

    service: Running
    port: int

    def read(self, path: str, **values: str) -> Any:
        """Return the answer of Prometheus' API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(values)}"
        with urllib.request.urlopen(url, timeout=SECONDS) as response:
            return json.load(response)["data"]

    def query(self, query: str) -> list[Any]:
        return list(self.read("query", query=query)["result"])

    def is_up(self) -> bool:
        try:
            return bool(self.query("up == 1"))
        except OSError:
            return False


@pytest.fixture
def watched(shop_pair: Pair, tmp_path: Path) -> Iterator[Watched]:
    service = Running(shop_pair.standby.url_for(READER), tmp_path / "log")
    port = find_free_port()
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
    shown = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    shown["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{service.admin_port}"]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({**CONFIGURATION, **shown}))
    with (tmp_path / "prometheus.log").open("wb") as log:
        prometheus = subprocess.Popen(
            [
                PROMETHEUS or "",
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        found = Watched(service, port)
        wait_until(service.is_up)
        wait_until(found.is_up)
        yield found
    finally:
        prometheus.terminate()
        prometheus.wait(SECONDS)
        service.end()


def list_empty(watched: Watched) -> set[tuple[str, str]]:
    """The queries of the dashboard that show nothing, by panel."""
    return {
        (panel["title"], target["refId"])
        for panel in PANELS
        for target in panel.get("targets", ())
        if not watched.query(fill_query(target["expr"], rate="5s"))
    }


def test_a_dashboard_has_something_to_show_and_a_lost_replica_is_seen(watched: Watched, shop_pair: Pair) -> None:
    deadline = time.monotonic() + 2 * SECONDS
    limit = 0
    while empty := list_empty(watched):
        assert time.monotonic() < deadline, empty
        limit += 1
        for token, body in ((PRIYA, "{}"), (PRIYA, f'{{"row_limit": {limit}}}'), ("wrong", "{}")):
            watched.service.ask(token, body)

    def is_alarmed() -> bool:
        watched.service.get("/readyz", port=watched.service.admin_port)  # as Kubernetes does
        watched.service.ask(PRIYA)
        alarms = {alert["labels"]["alertname"] for alert in watched.read("alerts")["alerts"]}
        return {"TickitiQueryNotReady", "TickitiQueryReplicaUnavailable"} <= alarms

    assert not is_alarmed()
    crash(shop_pair.standby)
    try:
        wait_until(is_alarmed)
    finally:
        shop_pair.start()
    wait_until(watched.service.is_up)
    wait_until(lambda: not watched.query("tickiti_query_ready == 0"))
