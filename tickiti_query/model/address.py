"""The address of a caller. This is the one place that reads the text of an address."""

from ipaddress import IPv4Address, IPv6Address, ip_address

IpAddress = IPv4Address | IPv6Address


def parse_address(text: str) -> IpAddress | None:
    """Return the address that a server or a proxy has written, or None for any other text.

    A port is dropped: `203.0.113.9:51234`, `[2001:db8::1]:443`. A mapped IPv4 address is returned as IPv4.
    """
    try:
        if text.startswith("["):
            inner, bracket, _port = text[1:].partition("]")
            return unmap(IPv6Address(inner)) if bracket else None
        host, _colon, _port = text.partition(":")
        return unmap(ip_address(host if "." in host else text))
    except ValueError:
        return None


def unmap(address: IpAddress) -> IpAddress:
    """Return the IPv4 address of one that came through an IPv6 socket; any other address as it is."""
    return getattr(address, "ipv4_mapped", None) or address
