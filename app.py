"""The composition root: the one place where settings, replica, cache and routes are wired together."""

import logging
import logging.config
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from flask import Flask

from config.environment import UNKNOWN_COMMIT, drop_uncounted
from config.log import configure_logging
from config.settings import Settings
from tickiti_query.admission.capacity import WAIT_SECONDS, ConcurrencyLimiter, MemoryBudget
from tickiti_query.admission.rate_limit import FixedWindowStorage, RateLimiter
from tickiti_query.admission.shared_rate_limit import SharedStorage, open_redis
from tickiti_query.cache.cache import Cache
from tickiti_query.cache.freshness import Freshness
from tickiti_query.cache.single_flight import SingleFlight
from tickiti_query.http import views
from tickiti_query.http.body import make_body_parser
from tickiti_query.http.docs_page import make_docs_page
from tickiti_query.http.edge import Edge
from tickiti_query.http.openapi import publish
from tickiti_query.http.request_context import Hooks
from tickiti_query.model.token import make_authorizer
from tickiti_query.operations import metrics
from tickiti_query.operations.health import Readiness, make_admin_app
from tickiti_query.query.cached_plan import PlanCache
from tickiti_query.query.reader import Reader
from tickiti_query.query.service import TicketQueryService
from tickiti_query.replica.connection import Target
from tickiti_query.replica.execution import deadline_from_now
from tickiti_query.replica.replica import OBSERVE_SECONDS, Replica
from tickiti_query.reporting.contract_source import ContractSources

log = logging.getLogger("tickiti_query.start")

PLAN_BYTES = 8 * 1024 * 1024  # in each worker, for some 800 questions
PROBE_SECONDS = 2 * OBSERVE_SECONDS  # for a readiness check: a reading under way, and the next


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


def create_service(settings: Settings, commit: str = UNKNOWN_COMMIT) -> Service:
    """Wire the service. Nothing is connected yet: a replica that is not there is waited for, request by request."""
    logging.config.dictConfig(configure_logging(settings.log_level))
    for sentence in drop_uncounted(os.environ):
        log.warning("%s", sentence)
    replica = Replica(Target.of(settings), connections=settings.connections, require_standby=settings.require_standby)
    service = make_service(settings, replica)
    readiness = Readiness(
        lambda: service.freshness.read_snapshot(monotonic(), deadline_from_now(PROBE_SECONDS)),
        lambda work: replica.read(work, deadline_from_now(PROBE_SECONDS)),
        metrics.observe_checks,
    )
    render_page = make_metrics_page(settings, replica, service, readiness)
    admin_app = make_admin_app(readiness, render_page)
    trace, end = None, lambda: None
    if settings.traces:
        from tickiti_query.operations.tracing import Tracing  # noqa: PLC0415  its packages are needed only here

        tracing = Tracing(views.PATH)
        trace, end = tracing.write, tracing.end
    hooks = Hooks(metrics.observe_request, trace)
    app = make_flask_app(settings, service, hooks)
    app.wsgi_app = Edge(  # type: ignore[method-assign]
        app=app.wsgi_app,
        admin_app=admin_app,
        admin_port=str(settings.admin_port),
        path=views.PATH,
        service=service,
        parse_body=make_body_parser(settings.default_row_limit, settings.max_row_limit),
        hooks=hooks,
        trusted_proxies=settings.trusted_proxies,
        longest_seconds=OBSERVE_SECONDS + WAIT_SECONDS + replica.longest_read_seconds,
    )
    metrics.observe_build(commit)
    return Service(app, admin_app, readiness.keep_checking, end)


def make_service(settings: Settings, replica: Replica) -> TicketQueryService:
    """Return the service that answers requests from a replica."""
    is_exact = settings.freshness == "exact"
    cache = Cache(ttl_seconds=settings.cache_ttl_seconds, max_bytes=settings.cache_max_bytes, exact=is_exact)
    freshness = Freshness(
        observe=replica.observe,
        is_exact=is_exact and cache.enabled,
        require_standby=settings.require_standby,
        max_lag_seconds=settings.max_replica_lag_seconds,
        max_commit_age_seconds=settings.max_commit_age_seconds,
        leave=replica.leave,
    )
    rate_limiter = None
    if settings.rate_limit is not None:
        url = settings.rate_limit_storage
        storage = SharedStorage(open_redis(url), count_fault=metrics.STORE_FAULTS.inc) if url else FixedWindowStorage()
        rate_limiter = RateLimiter(settings.rate_limit, storage, lambda by: metrics.RATE_LIMITED.labels(by).inc())
    authorize = make_authorizer(settings.token_expiration_minutes, partial(datetime.now, UTC))
    return TicketQueryService(
        rate_limiter=rate_limiter,
        freshness=freshness,
        cache=cache,
        authorize=authorize,
        concurrency_limiter=ConcurrencyLimiter(
            settings.threads, count_shed=lambda: metrics.SHED.labels("replica").inc()
        ),
        single_flight=SingleFlight(count_shared=metrics.FLIGHT_WAITS.inc),
        memory_budget=MemoryBudget(settings.answers_max_bytes, lambda: metrics.SHED.labels("memory").inc()),
        reader=Reader(
            replica=replica,
            open_contract=ContractSources().open,
            authorize=authorize,
            plans=PlanCache(PLAN_BYTES),
            remember_valid_token=rate_limiter.remember_valid_token if rate_limiter else lambda _digest: None,
        ),
    )


def make_metrics_page(
    settings: Settings, replica: Replica, service: TicketQueryService, readiness: Readiness
) -> Callable[[], bytes]:
    """Return the function that renders the page of metrics, with the state of the service's parts as it is then."""
    cache_events = metrics.CacheEvents()

    def render_page() -> bytes:
        # A gauge that was not set says 0, which would be good news; so what is not known is NaN.
        changed = readiness.changed_collations
        metrics.COLLATIONS_CHANGED.set(float("nan") if changed is None else len(changed))
        metrics.REPLICA_LAG.set(service.freshness.lag_seconds)
        metrics.REPLICA_VERSION.set(service.freshness.major)
        metrics.POOL_IN_USE.set(replica.count_connections())
        metrics.SLOT_WAITING.set(service.concurrency_limiter.count_waiting())
        metrics.ANSWER_BYTES.set(service.memory_budget.used_bytes)
        metrics.CACHE_BYTES.set(service.cache.held_bytes)
        cache_events.count(service.cache.events)
        # One page for each worker: with several, it says which one answered.
        return metrics.render_metrics(str(os.getpid()) if settings.workers > 1 else None)

    return render_page


def make_flask_app(settings: Settings, service: TicketQueryService, hooks: Hooks) -> Flask:
    """Return Flask's app: the blueprint of the API, its document, and the page to try it."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # or a path with two of them would be a redirect, in HTML
    publish(app, views.make_blueprint(service, settings.max_row_limit))
    app.register_blueprint(make_docs_page())
    views.install(app, hooks)
    return app
