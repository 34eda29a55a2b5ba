"""When the request came that this thread works on: as a whole, before it waited for the thread."""

import threading

_thread = threading.local()


def note_arrival(moment: float | None) -> None:
    """Say when the thread's request had come, on the monotonic clock; None where nobody knows."""
    _thread.moment = moment


def read_arrival() -> float | None:
    """When the thread's request had come, or None."""
    moment: float | None = getattr(_thread, "moment", None)
    return moment
