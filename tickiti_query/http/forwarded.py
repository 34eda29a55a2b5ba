"""The caller's address behind trusted proxies: a WSGI middleware."""

from collections.abc import Callable, Iterable
from typing import Any

from tickiti_query.model.token import parse_address

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

NO_ADDRESS = "unknown"


class Forwarded:
    """Replaces the nearest proxy's address by the one that the farthest of `proxies` trusted proxies has seen.

    Only commas split the header: client-supplied text must not affect how the proxies' entries after it are parsed.
    (werkzeug's ProxyFix knows quoted strings. It takes a header with one quotation mark for none at all, so that its
    sender would have the proxy's own address.)
    """

    def __init__(self, app: WsgiApp, proxies: int) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Hand the request on, with the caller's address in it; with fewer hops than proxies it stays as it is."""
        hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if hops != [""] and len(hops) >= self._proxies:
            environ["REMOTE_ADDR"] = normalize_hop(hops[-self._proxies].strip())
        return self._app(environ, start_response)


def normalize_hop(hop: str) -> str:
    """Return the address in a hop without its port, so that one caller has one address; NO_ADDRESS where none is.

    A zone (`fe80::1%eth0`) means something to the proxy's machine alone.
    """
    address = None if "%" in hop else parse_address(hop)
    return NO_ADDRESS if address is None else str(address)
