"""A check that the service can listen on an address of the settings."""

import socket

from config.settings import split_address


def find_bind_fault(address: str) -> str | None:
    """Return why nobody can listen on `host:port`, in the system's words; None where one can."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            return fault.strerror or str(fault)
    return None
