"""Bearer tokens as values: the credentials of a request, and the token that the replica has for them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tickiti_query.model.actor import Actor

# A digest that no secret has: a request without a secret asks the same question in the same time.
NO_DIGEST = "0" * 64


class Credentials(NamedTuple):
    """The digest of the secret in a request, and the id of the token where the request names one.

    It is a tuple, because it is a key: a request that reads the replica computes its hash twenty times.
    """

    digest: str
    id: int | None = None

    @property
    def fingerprint(self) -> str | None:
        """The name of the token where requests are counted; None where the request has no token."""
        return None if self.digest == NO_DIGEST else self.digest


@dataclass(frozen=True, slots=True)
class AuthenticatedToken:
    """A token that the replica has, and whose owner is active. It may have expired: `authorize` says so."""

    actor: Actor
    abilities: frozenset[str]
    allowed_ip: str | None
    expires_at: datetime | None
    created_at: datetime | None
