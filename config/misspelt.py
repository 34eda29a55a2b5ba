"""Variables of the environment that look like settings and are none."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

PREFIX = "TICKITI_"
# The demo's and the tests' own.
OTHERS = frozenset(
    {
        "TICKITI_PG_BINDIR",
        "TICKITI_DIFFERENCE_CASES",
        "TICKITI_HOSTILE_CASES",
        "TICKITI_INTERLEAVINGS",
        "TICKITI_SCHEMATHESIS_CASES",
    }
)
# Kubernetes puts these into pods for each Service whose name begins with tickiti.
INJECTED = re.compile(r"TICKITI_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
INJECTED_URL = re.compile(r"TICKITI_(\w+_)?PORT=(tcp|udp|sctp)://.*")


def describe_misspelt(environ: Mapping[str, str], settings: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each variable that is no setting but was meant to be one. No sentence has a value."""
    for name in sorted(environ.keys() - settings - OTHERS):
        if INJECTED.fullmatch(name) or INJECTED_URL.fullmatch(f"{name}={environ[name]}"):
            continue
        meant = find_nearest(name, settings)
        if meant is not None:
            yield f"{name} is no setting, and is ignored: did you mean {meant}?"
        elif name.startswith(PREFIX):
            yield f"{name} is no setting, and is ignored"


def find_nearest(name: str, settings: Collection[str]) -> str | None:
    """Return the setting whose name is nearest, None where none is near."""
    upper = name.upper()
    if upper.startswith(PREFIX):
        # Without what all names share, or every name would be near.
        rests = {setting.removeprefix(PREFIX): setting for setting in settings}
        return next((rests[rest] for rest in get_close_matches(upper.removeprefix(PREFIX), rests, 1, 0.65)), None)
    if not upper.startswith("T"):
        return None
    return next(iter(get_close_matches(upper, settings, 1, 0.85)), None)
