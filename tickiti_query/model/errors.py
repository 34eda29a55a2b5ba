"""Everything that can go wrong with a query, each with the HTTP status and code it answers with.

An error is raised where the fact is known, and becomes an answer in one place, `http/error_answer.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

# Of every body that is no page. Windows PowerShell 5.1 reads an answer without a charset as ISO-8859-1.
JSON_CONTENT_TYPE = "application/json; charset=utf-8"
Facts = Mapping[str, str] | None


class QueryError(Exception):
    """A request that cannot be answered with rows.

    `message` is one sentence for the caller: no SQL, no token, no name of a file. `facts` are for the log alone.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    default_message: ClassVar[str] = "Something went wrong in this service; the request was not answered."
    headers: Mapping[str, str] = {}  # that the answer carries beside the body

    def __init_subclass__(cls, status: int = 500, code: str = "internal_error") -> None:
        cls.status, cls.code = status, code

    def __init__(self, message: str | None = None, *, facts: Facts = None) -> None:
        self.message = message or self.default_message
        self.facts = facts
        super().__init__(self.message)

    @property
    def body(self) -> Mapping[str, Any]:
        """The one shape that all errors have."""
        return {"ok": False, "error": self.code, "message": self.message}


class MalformedJson(QueryError, status=400, code="malformed_json"):
    """The body is not JSON, or not UTF-8."""

    default_message = "The body is not valid JSON in UTF-8."


class Unauthenticated(QueryError, status=401, code="unauthenticated"):
    """No token, or none that is valid. All causes have one message, so that a caller cannot tell them apart."""

    default_message = "A valid API token is required: send it as `Authorization: Bearer <token>`."
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class Forbidden(QueryError, status=403, code="forbidden"):
    """The token is valid and may not do this."""

    default_message = "This token may not read tickets: it needs the tickets:read ability."


class NotFound(QueryError, status=404, code="not_found"):
    """No such perspective for this user, or no such path."""

    default_message = "There is nothing at this address."


class MethodNotAllowed(QueryError, status=405, code="method_not_allowed"):
    """The path is known, the method is not; `allowed` lists the methods that are."""

    def __init__(self, allowed: Sequence[str]) -> None:
        methods = ", ".join(sorted(allowed))
        super().__init__(f"This address answers {methods} only.")
        self.headers = {"Allow": methods}


class RequestTimeout(QueryError, status=408, code="request_timeout"):
    """The request was cut because it arrived too slowly."""

    default_message = "The request did not arrive in time: its head and its body may take 10 seconds each."


class PayloadTooLarge(QueryError, status=413, code="payload_too_large"):
    """The body is over the limit."""

    default_message = "The body is larger than 64 KiB."


class UnsupportedMediaType(QueryError, status=415, code="unsupported_media_type"):
    """There is a body, and it is not announced as JSON."""

    default_message = "A body must be sent with `Content-Type: application/json`."


class ValidationFailed(QueryError, status=422, code="validation_failed"):
    """The body is JSON with a wrong type or value.

    `errors` maps the dotted path of a field (`search_object.criteria.0.mode`; an empty path is the body itself) to
    sentences that say what would be right.
    """

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors = {path: list(sentences) for path, sentences in errors.items()}
        super().__init__("The body has a field with a wrong type or value; see errors.")

    @property
    def body(self) -> Mapping[str, Any]:
        return {**super().body, "errors": self.errors}


class RateLimited(QueryError, status=429, code="rate_limited"):
    """The token has asked too often, or its address has shown too many tokens that are not valid."""

    default_message = "There were too many requests; Retry-After says when there is room again."

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class UnsupportedPerspective(QueryError, status=501, code="unsupported_perspective"):
    """The saved perspective uses something this service does not know; it is never read as a wider list."""


class TransientError(QueryError):
    """The request may well be answered if it is sent again soon."""

    headers: Mapping[str, str] = {"Retry-After": "2"}


class ReplicaUnavailable(TransientError, status=503, code="replica_unavailable"):
    """No replica answers, or none that is fresh enough: the readiness check named `check` says the same.

    `reason` is a sentence for operators, which no caller gets.
    """

    default_message = "The ticket replica cannot be read at the moment; please try again."

    def __init__(
        self, message: str | None = None, *, check: str = "replica", reason: str | None = None, facts: Facts = None
    ) -> None:
        super().__init__(message, facts=facts)
        self.check = check
        self.reason = reason or self.message


class Overloaded(TransientError, status=503, code="overloaded"):
    """The service has no room for the request now, and none became free in time."""

    default_message = "There is more to do than can be done at the moment; please try again."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class QueryTimeout(TransientError, status=504, code="query_timeout"):
    """The statement ran past its limit."""

    default_message = "The query ran past its time limit; a narrower perspective or smaller row_limit may help."
