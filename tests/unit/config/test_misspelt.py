"""A misspelt variable is named with the nearest setting; what others put into the environment is not."""

import pytest

from config.misspelt import OTHERS, describe_misspelt
from config.settings import VARIABLES

MISSPELT = {
    "TICKITI_TREADS": "TICKITI_THREADS",
    "TICKITI_THREAD": "TICKITI_THREADS",
    "TICKITI_LOGLEVEL": "TICKITI_LOG_LEVEL",
    "TICKITI_REPLICA": "TICKITI_REPLICA_URL",
    "TICKITI_REPLICA_URI": "TICKITI_REPLICA_URL",
    "TICKITI_CACHE_TTL": "TICKITI_CACHE_TTL_SECONDS",
    "TICKITI_CACHE_MAXBYTES": "TICKITI_CACHE_MAX_BYTES",
    "TICKITI_TRUSTED_PROXY": "TICKITI_TRUSTED_PROXIES",
    "TICKITI_RATELIMIT_STORAGE": "TICKITI_RATE_LIMIT_STORAGE",
    "tickiti_workers": "TICKITI_WORKERS",
    "TICKTI_WORKERS": "TICKITI_WORKERS",
    "TICKETI_RATE_LIMIT": "TICKITI_RATE_LIMIT",
}
# As kubelet makes them of Services named tickiti, tickiti-query and tickiti-web.
INJECTED = {
    "TICKITI_PORT": "tcp://10.0.0.7:80",
    "TICKITI_PORT_8080_TCP": "tcp://10.0.0.7:8080",
    "TICKITI_PORT_8080_TCP_PROTO": "tcp",
    "TICKITI_PORT_8080_TCP_PORT": "8080",
    "TICKITI_PORT_8080_TCP_ADDR": "10.0.0.7",
    "TICKITI_SERVICE_HOST": "10.0.0.7",
    "TICKITI_SERVICE_PORT": "80",
    "TICKITI_SERVICE_PORT_HTTP": "80",
    "TICKITI_QUERY_PORT": "udp://10.0.0.8:80",
    "TICKITI_QUERY_PORT_53_UDP": "udp://10.0.0.8:53",
    "TICKITI_QUERY_SERVICE_HOST": "10.0.0.8",
    "TICKITI_QUERY_SERVICE_PORT": "80",
    "TICKITI_QUERY_SERVICE_PORT_OPERATIONS": "9090",
    "TICKITI_WEB_SERVICE_HOST": "10.0.0.9",
}


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
def test_a_misspelt_variable_is_named_with_the_nearest_setting(name: str, meant: str) -> None:
    [sentence] = describe_misspelt({name: "hunter2"}, VARIABLES)
    assert sentence == f"{name} is no setting, and is ignored: did you mean {meant}?"


@pytest.mark.parametrize("name", ["TICKITI_FAVOURITE_COLOUR", "TICKITI_PORT", "TICKITI_"])
def test_a_variable_that_is_near_none_is_named_alone(name: str) -> None:
    assert list(describe_misspelt({name: "8080"}, VARIABLES)) == [f"{name} is no setting, and is ignored"]


@pytest.mark.parametrize("name", INJECTED)
def test_what_kubernetes_injects_is_left_out(name: str) -> None:
    assert list(describe_misspelt({name: INJECTED[name]}, VARIABLES)) == []


def test_settings_and_what_is_nobodys_business_are_left_out() -> None:
    environ = dict.fromkeys((*VARIABLES, *OTHERS, "PATH", "TERM", "TZ", "TICKER", "WORKERS", "REPLICA_URL"), "x")
    assert list(describe_misspelt(environ, VARIABLES)) == []
