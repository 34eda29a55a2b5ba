"""The environment becomes Settings, or one message that lists all that is wrong with it."""

import re

import pytest

from config.settings import OFF_WHEN_EMPTY, VARIABLES, Settings, SettingsError, load_settings

URL = "postgresql://reader:hunter2@replica.example:5432/tickiti"
ENCODED = "postgresql://reader:HALF%40SECRET@replica.example/tickiti"

FAULTS = [
    ("TICKITI_REPLICA_URL", "host=replica.example"),
    ("TICKITI_REPLICA_URL", "mysql://replica.example/tickiti"),
    ("TICKITI_REPLICA_URL", "postgresql://reader:hunter2@replica.example/x?no_such_option=1"),
    ("TICKITI_REPLICA_URL", "postgresql://reader:hunter2@replica.example:abc/x"),
    ("TICKITI_REPLICA_URL", "postgresql://reader:hunter2@a:5432,b:x/x"),
    ("TICKITI_REPLICA_URL", "postgresql://reader:hunter2@replica.example/x?port=abc"),
    ("TICKITI_REPLICA_URL", "postgresql://reader:hunter2@replica.example:0/x"),
    ("TICKITI_REPLICA_URL", "postgresql://reader:hunter2@replica.example:" + "9" * 5000),
    ("TICKITI_REPLICA_SCHEMA", 'a"b'),
    ("TICKITI_REPLICA_SCHEMA", "ü" * 32),
    ("TICKITI_POOLER", "session"),
    ("TICKITI_BIND", "8080"),
    ("TICKITI_BIND", ":8080"),
    ("TICKITI_BIND", "0.0.0.0:0"),
    ("TICKITI_BIND", "0.0.0.0:65536"),
    ("TICKITI_BIND", "http://0.0.0.0:8080"),
    ("TICKITI_ADMIN_BIND", "me@host:9090"),
    ("TICKITI_WORKERS", "0"),
    ("TICKITI_WORKERS", "two"),
    ("TICKITI_THREADS", "-1"),
    ("TICKITI_THREADS", "٨"),
    ("TICKITI_FRESHNESS", "fresh"),
    ("TICKITI_CACHE_TTL_SECONDS", "1.5"),
    ("TICKITI_CACHE_MAX_BYTES", "64MB"),
    ("TICKITI_ANSWERS_MAX_BYTES", "16777215"),
    ("TICKITI_DEFAULT_ROW_LIMIT", "0"),
    ("TICKITI_MAX_ROW_LIMIT", "9" * 5000),
    ("TICKITI_STATEMENT_TIMEOUT_MS", "5s"),
    ("TICKITI_REQUIRE_STANDBY", "yes"),
    ("TICKITI_MAX_REPLICA_LAG_SECONDS", "0"),
    ("TICKITI_MAX_COMMIT_AGE_SECONDS", "1h"),
    ("TICKITI_RATE_LIMIT", "600"),
    ("TICKITI_RATE_LIMIT", "0/minute"),
    ("TICKITI_RATE_LIMIT", "5/second;600/minute"),
    ("TICKITI_RATE_LIMIT_STORAGE", "memcached://:hunter2@cache:11211"),
    ("TICKITI_RATE_LIMIT_STORAGE", "redis+unix:///run/redis.sock"),
    ("TICKITI_TRUSTED_PROXIES", "+1"),
    ("TICKITI_TOKEN_EXPIRATION_MINUTES", "0"),
    ("TICKITI_LOG_LEVEL", "loud"),
]

READINGS = [
    ("TICKITI_REPLICA_URL", "postgres://a:1,b:2/x", "replica_url", "postgres://a:1,b:2/x"),
    ("TICKITI_REPLICA_URL", "postgresql://a:1,b/x", "replica_url", "postgresql://a:1,b/x"),
    (
        "TICKITI_REPLICA_URL",
        "postgresql:///x?host=/run&port=5433",
        "replica_url",
        "postgresql:///x?host=/run&port=5433",
    ),
    ("TICKITI_REPLICA_SCHEMA", "Berichte", "replica_schema", "Berichte"),
    ("TICKITI_POOLER", "Transaction", "pooler", "transaction"),
    ("TICKITI_BIND", "[::]:8080", "bind", "[::]:8080"),
    ("TICKITI_FRESHNESS", "TTL", "freshness", "ttl"),
    ("TICKITI_CACHE_TTL_SECONDS", " 0 ", "cache_ttl_seconds", 0),
    ("TICKITI_REQUIRE_STANDBY", "False", "require_standby", False),
    ("TICKITI_MAX_COMMIT_AGE_SECONDS", "120", "max_commit_age_seconds", 120),
    ("TICKITI_RATE_LIMIT", "20/second", "rate_limit", "20/second"),
    ("TICKITI_RATE_LIMIT_STORAGE", "redis://cache:6379", "rate_limit_storage", "redis://cache:6379"),
    ("TICKITI_TOKEN_EXPIRATION_MINUTES", "525600", "token_expiration_minutes", 525_600),
    ("TICKITI_LOG_LEVEL", "Warning", "log_level", "warning"),
]


def test_only_the_url_is_required_and_the_rest_has_the_documented_defaults() -> None:
    settings = load_settings({"TICKITI_REPLICA_URL": URL})
    assert settings == Settings(replica_url=URL)
    assert (settings.replica_schema, settings.bind, settings.admin_bind) == (
        "reporting",
        "0.0.0.0:8080",
        "0.0.0.0:9090",
    )
    assert (settings.workers, settings.threads, settings.trusted_proxies) == (1, 8, 0)
    assert (settings.freshness, settings.cache_ttl_seconds, settings.cache_max_bytes) == ("exact", 30, 2**26)
    assert (settings.default_row_limit, settings.max_row_limit) == (100, 5000)
    assert (settings.statement_timeout_ms, settings.max_replica_lag_seconds) == (5000, 60)
    assert settings.require_standby
    assert (settings.rate_limit, settings.rate_limit_storage) == ("600/minute", None)
    assert (settings.token_expiration_minutes, settings.log_level) == (None, "info")


def test_every_setting_has_a_variable_and_the_other_way_round() -> None:
    attributes = [attribute for attribute, _ in VARIABLES.values()]
    # Traces are asked for in OpenTelemetry's own variables.
    assert sorted([*attributes, "traces"]) == sorted(Settings.__dataclass_fields__)


def test_an_empty_variable_counts_as_absent() -> None:
    others = VARIABLES.keys() - OFF_WHEN_EMPTY
    environ = {**dict.fromkeys(others, ""), "TICKITI_BIND": "  ", "TICKITI_REPLICA_URL": URL}
    assert load_settings(environ) == Settings(replica_url=URL)
    with pytest.raises(SettingsError, match="TICKITI_REPLICA_URL is required"):
        load_settings({"TICKITI_REPLICA_URL": " "})


def test_an_empty_rate_is_none() -> None:
    assert load_settings({"TICKITI_REPLICA_URL": URL, "TICKITI_RATE_LIMIT": " "}).rate_limit is None


@pytest.mark.parametrize(("variable", "text", "attribute", "value"), READINGS)
def test_a_variable_is_read_as_its_kind(variable: str, text: str, attribute: str, value: object) -> None:
    settings = load_settings({"TICKITI_REPLICA_URL": URL, variable: text})
    assert getattr(settings, attribute) == value


@pytest.mark.parametrize(("variable", "text"), FAULTS)
def test_a_wrong_value_is_one_fault_that_names_its_variable(variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"TICKITI_REPLICA_URL": URL, variable: text})
    first, *faults = str(refused.value).splitlines()
    assert first == "tickiti-query cannot start:"
    assert len(faults) == 1
    assert faults[0].startswith(f"  {variable} ")
    assert "hunter2" not in str(refused.value)


def test_every_fault_is_listed_at_once() -> None:
    wrong = dict.fromkeys(VARIABLES, "?")
    with pytest.raises(SettingsError) as refused:
        load_settings(wrong)
    named = re.findall(r"^  (TICKITI_\w+) ", str(refused.value), re.MULTILINE)
    assert sorted(named) == sorted(VARIABLES)


def test_the_default_row_limit_stays_within_the_largest() -> None:
    with pytest.raises(SettingsError, match="DEFAULT_ROW_LIMIT must not be larger"):
        load_settings({"TICKITI_REPLICA_URL": URL, "TICKITI_MAX_ROW_LIMIT": "99"})


def test_the_settings_do_not_show_passwords() -> None:
    given = {"TICKITI_REPLICA_URL": URL, "TICKITI_RATE_LIMIT_STORAGE": "redis://:hunter2@cache:6379"}
    assert "hunter2" not in repr(load_settings(given))


@pytest.mark.parametrize(
    "credentials",
    [
        "reader:HALF@SECRET",
        "reader:HALF/SECRET",
        "reader:12/SECRET",
        "reader:HALF@SECRET/12",
        "reader:HALF@SECRET:12",
        "reader:HALF@SECRET?12",
        "reader:HALF@SECRET#12",
        "reader:HALF@[SECRET",
        "reader:HALF%SECRET",
        "HALF@example:SECRET",
        "reader:HALF@a,reader:SECRET",
    ],
)
def test_what_must_be_encoded_is_told_without_a_part_of_it(credentials: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"TICKITI_REPLICA_URL": f"postgresql://{credentials}@replica.example/tickiti"})
    assert "percent-encode" in str(refused.value)
    for part in ("HALF", "SECRET", "replica.example"):
        assert part not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        ENCODED,
        "postgresql://reader:HALF#SECRET@replica.example/tickiti",  # libpq takes these three as they are
        "postgresql://reader:HALF:SECRET@replica.example/tickiti",
        "postgresql://reader:HALF?SECRET@replica.example/tickiti",
        "postgresql://reader@a,b:5433/tickiti?options=-c%20x%3Da@b",
        "postgresql:///tickiti?host=@abstract",
    ],
)
def test_what_libpq_understands_is_taken(url: str) -> None:
    assert load_settings({"TICKITI_REPLICA_URL": url}).replica_url == url


def test_the_password_is_in_one_place() -> None:
    file = {"TICKITI_REPLICA_PASSWORD_FILE": "/run/secrets/password"}
    settings = load_settings({"TICKITI_REPLICA_URL": "postgresql://reader@replica.example/x", **file})
    assert settings.replica_password_file == "/run/secrets/password"
    with pytest.raises(SettingsError, match="must not both have a password"):
        load_settings({"TICKITI_REPLICA_URL": ENCODED, **file})
    with pytest.raises(SettingsError, match="absolute path"):
        load_settings({"TICKITI_REPLICA_URL": ENCODED, "TICKITI_REPLICA_PASSWORD_FILE": "password"})
