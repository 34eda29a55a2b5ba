"""A URL whose password is not percent-encoded stops the start with a sentence that shows no part of it."""

import pytest

from config.settings import SettingsError, load_settings

ENCODED = "postgresql://reader:HALF%40SECRET@replica.example/tickiti"


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
