"""The check of the hosts: which of several hosts of the URL the service reads, and why not the others."""

from collections.abc import Iterator

from tickiti_query.cli.checks.result import CheckResult, ok, warning
from tickiti_query.cli.session import Session, Trial
from tickiti_query.replica.database_errors import NoStandbyError, describe_connect_error


def check_hosts(session: Session) -> Iterator[CheckResult]:
    """Yield a result for each of several hosts. Where none is fit, the check of the server has the fault."""
    trials = session.trials
    if len(trials) == 1:
        return
    for number, trial in enumerate(trials, 1):
        yield judge_host(session, f"host {number} of {len(trials)}", trial)


def judge_host(session: Session, subject: str, trial: Trial) -> CheckResult:
    """Return a result for one host: read, kept for later, passed over as a primary, or out of reach."""
    if trial.error is None:
        return ok(subject, "is read" if trial.connection is session.connection else "is fit, for when the others fail")
    if isinstance(trial.error, NoStandbyError):
        return ok(subject, "is a primary, and passed over")
    return warning(subject, describe_connect_error(trial.error))
