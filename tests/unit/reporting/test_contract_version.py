"""The contract's version is raised with its relations: a pod and its replica tell each other apart by it."""

import hashlib
import json

from tickiti_query.reporting.contract import CONTRACT_VERSION, RELATIONS

# version -> digest of the relations; a new version is a new line
DIGESTS = {1: "36a633154f63fbde"}


def digest_relations() -> str:
    return hashlib.sha256(json.dumps(RELATIONS, sort_keys=True).encode()).hexdigest()[:16]


def test_a_change_of_the_relations_raises_the_version() -> None:
    assert (max(DIGESTS), DIGESTS[CONTRACT_VERSION]) == (CONTRACT_VERSION, digest_relations())
    assert len(set(DIGESTS.values())) == len(DIGESTS)
