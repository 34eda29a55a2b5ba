"""The composition root: the one place where settings, replica, cache and routes are wired together."""

import logging.config
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, send_from_directory

from config.log import configure_logging
from config.settings import Settings
from tickiti_query.admission.bulkhead import WAIT_SECONDS, Bulkhead
from tickiti_query.admission.rate_limit import make_door
from tickiti_query.cache.cache import Cache
from tickiti_query.cache.freshness import Freshness
from tickiti_query.cache.sharing import Flights
from tickiti_query.http import views
from tickiti_query.http.body import make_body_reader
from tickiti_query.http.exchange import Listeners
from tickiti_query.http.forwarded import Forwarded
from tickiti_query.http.hot_path import HotPath
from tickiti_query.http.openapi import TicketsApi, correct_schemas, describe
from tickiti_query.http.rendering import render_rows
from tickiti_query.operations.admin import ByPort, make_admin_app
from tickiti_query.operations.health import Readiness
from tickiti_query.operations.metrics import (
    LagTeller,
    render_metrics,
    tell_build,
    tell_cache,
    tell_checks,
    tell_flight,
    tell_held,
    tell_pool,
    tell_rate_limited,
    tell_request,
    tell_shed,
    tell_store_fault,
)
from tickiti_query.query.reader import Reader
from tickiti_query.query.recipe_book import RecipeBook
from tickiti_query.query.request import LONGEST_BODY
from tickiti_query.query.service import TicketQueryService
from tickiti_query.replica.connection import Target
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.lookups import resolve as look_up
from tickiti_query.reporting.perspectives import find_perspective
from tickiti_query.reporting.rights import find_powers
from tickiti_query.reporting.tokens import find_token as find_grant
from tickiti_query.reporting.tokens import make_authorizer as make_admission
from tickiti_query.reporting.tokens import read_credentials

if TYPE_CHECKING:
    from tickiti_query.operations.tracing import Tracing

RECIPE_BYTES = 8 * 1024 * 1024  # in each worker, for some 800 questions


@dataclass(frozen=True, slots=True)
class Service:
    """The service, wired together, for gunicorn's hooks and for tests.

    `app` answers the API and, on the operations port, `admin_app`. `keep_checking` checks readiness and never returns.
    `end` sends the spans that are left.
    """

    app: Flask
    admin_app: Flask
    keep_checking: Callable[[], None]
    end: Callable[[], None]


def create_service(settings: Settings) -> Service:
    """Wire the service. Nothing is connected yet: a replica that is not there is waited for, request by request."""
    logging.config.dictConfig(configure_logging(settings.log_level))
    target = Target(
        settings.replica_url,
        settings.replica_schema,
        settings.statement_timeout_ms,
        is_pooled=settings.pooler == "transaction",
    )
    exact = settings.freshness == "exact"
    cache = Cache(
        ttl_seconds=settings.cache_ttl_seconds,
        max_bytes=settings.cache_max_bytes,
        exact=exact,
        tell=tell_cache,
        tell_held=tell_held,
    )
    replica = Replica(target, connections=settings.connections, require_standby=settings.require_standby)
    freshness = Freshness(
        replica.observe,
        exact=exact and cache.enabled,
        require_standby=settings.require_standby,
        max_lag_seconds=settings.max_replica_lag_seconds,
        leave=replica.leave,
        tell=LagTeller(),
    )
    bulkhead = Bulkhead(settings.threads, tell_shed=partial(tell_shed, "replica"))
    service = make_service(settings, replica, freshness, cache, bulkhead)
    app = Flask(__name__, static_folder=None)
    # One byte more, so that a body without a Content-Length is seen to be too long, and not read as its beginning.
    app.config.update(describe(), MAX_CONTENT_LENGTH=LONGEST_BODY + 1, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # or a path with two of them would be a redirect, in HTML
    read_body = make_body_reader(settings.default_row_limit, settings.max_row_limit)
    api = TicketsApi(app)
    api.register_blueprint(views.make_blueprint(service, read_credentials, read_body, settings.max_row_limit))
    correct_schemas(api.spec.components.schemas)
    app.register_blueprint(make_assets())
    tracing = start_tracing(views.PATH) if settings.traces else None
    listeners = Listeners(tell_request, tracing.write if tracing else None)
    views.install(app, listeners)
    app.wsgi_app = HotPath(  # type: ignore[method-assign]
        app.wsgi_app, views.PATH, service, read_credentials, read_body, listeners
    )
    if settings.trusted_proxies:
        app.wsgi_app = Forwarded(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    readiness = Readiness(freshness.prove, replica.read, find_powers, tell_checks)

    def render_page() -> bytes:
        tell_pool(*replica.count_connections())
        # One page for each worker: with several, it says which one answered.
        return render_metrics(str(os.getpid()) if settings.workers > 1 else None)

    admin_app = make_admin_app(readiness.check, render_page)
    app.wsgi_app = ByPort(app.wsgi_app, settings.admin_port, admin_app)  # type: ignore[method-assign]
    tell_build()
    return Service(app, admin_app, readiness.keep_checking, tracing.end if tracing else lambda: None)


def make_service(
    settings: Settings, replica: Replica, freshness: Freshness, cache: Cache, bulkhead: Bulkhead
) -> TicketQueryService:
    """What answers requests, with the world handed to it."""
    door = make_door(
        settings.rate_limit,
        settings.rate_limit_storage,
        tell=tell_rate_limited,
        tell_fault=tell_store_fault,
    )
    admit = make_admission(settings.token_expiration_minutes, lambda: datetime.now(UTC).replace(tzinfo=None))
    reader = Reader(
        read=replica.read,
        ask=replica.ask,
        find_grant=find_grant,
        admit=admit,
        find_perspective=find_perspective,
        look_up=look_up,
        recipes=RecipeBook(RECIPE_BYTES),
        welcome=door.welcome if door is not None else lambda _token: None,
    )
    return TicketQueryService(
        prove=freshness.prove,
        accept=freshness.accept,
        is_overtaken=freshness.is_overtaken,
        reader=reader,
        admit=admit,
        render_rows=render_rows,
        cache=cache,
        flights=Flights(wait_seconds=WAIT_SECONDS + replica.longest_read_seconds, tell=tell_flight),
        bulkhead=bulkhead,
        door=door,
    )


def start_tracing(route: str) -> "Tracing":
    """What makes and sends spans; who does not ask for them need not have its packages."""
    from tickiti_query.operations.tracing import Tracing  # noqa: PLC0415

    return Tracing(route)


def make_assets() -> Blueprint:
    """The scripts and styles of /docs, from the package that carries Swagger UI: nothing comes from elsewhere."""
    folder = Path(str(resources.files("flask_swagger_ui"))) / "dist"
    assets = Blueprint("assets", __name__, static_folder=folder, static_url_path="/docs/assets")
    # A browser asks for it unbidden, and counts a 404 as an error of the page.
    assets.add_url_rule("/favicon.ico", "icon", lambda: send_from_directory(folder, "favicon-32x32.png"))
    return assets
