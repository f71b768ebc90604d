"""Which addresses notices may be sent to: none that lies inside, unless the file allows it."""

import ipaddress
import socket
from collections.abc import Callable, Sequence

from api.errors import DeliveryError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # Amazon's containers
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
    )
)
"""Where clouds hand out credentials: nobody has a receiver there, so they are always refused."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask for all addresses of a name.

    Examples
    --------
    >>> resolve("127.0.0.1", 80)
    ['127.0.0.1']
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def refusal(address: str, *, allow_private: bool) -> str | None:
    """Say why an address is refused; None where it may be sent to.

    Parameters
    ----------
    address : str
        An address in figures; an IPv6 one may have a zone.
    allow_private : bool
        Whether addresses that the internet does not know are allowed.

    Examples
    --------
    >>> refusal("10.0.0.8", allow_private=False)
    '10.0.0.8 is a private address'
    >>> refusal("::ffff:127.0.0.1", allow_private=False)
    '::ffff:127.0.0.1 is a loopback address'
    >>> refusal("169.254.169.254", allow_private=True)
    '169.254.169.254 hands out credentials of the cloud'
    >>> refusal("10.0.0.8", allow_private=True), refusal("8.8.8.8", allow_private=False)
    (None, None)
    """
    ip = _meant(ipaddress.ip_address(address.partition("%")[0]))
    if ip in METADATA:
        return f"{address} hands out credentials of the cloud"
    if ip.is_multicast or ip.is_unspecified:
        return f"{address} is not the address of a machine"
    if allow_private or (ip.is_global and not ip.is_reserved):
        return None
    kinds = {"loopback": ip.is_loopback, "link-local": ip.is_link_local}
    kind = next((name for name, holds in kinds.items() if holds), "private")
    return f"{address} is a {kind} address"


def allowed_addresses(
    host: str, port: int, *, allow_private: bool, resolve: Resolve = resolve
) -> Sequence[str]:
    """Resolve a name, and give its addresses if every single one may be sent to.

    Returns
    -------
    sequence of str
        To connect to as they are: asking again could give others.

    Raises
    ------
    DeliveryError
        If the name is unknown, or one of its addresses is refused.
    """
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{host} cannot be resolved") from error
    for address in addresses:
        reason = refusal(address, allow_private=allow_private)
        if reason:
            raise DeliveryError(f"{host}: {reason}; allow_private = true allows it")
    if not addresses:
        raise DeliveryError(f"{host} has no address")
    return addresses


def literal_refusal(host: str, *, allow_private: bool) -> str | None:
    """Say why a host that is written as an address is refused; None for names and others."""
    try:
        return refusal(host.strip("[]"), allow_private=allow_private)
    except ValueError:
        return None


def _meant(ip: IPAddress) -> IPAddress:
    """Give the IPv4 address that an IPv6 one stands for."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if inner is None and (ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1)):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner or ip
