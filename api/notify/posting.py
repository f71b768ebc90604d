"""Posting to a receiver: at checked addresses only, without redirects, within a time."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path

import httpx

from api.errors import DeliveryError
from api.notify.addresses import Resolve, allowed_addresses, resolve

MAX_ANSWER_BYTES = 64 * 1024
PORTS = {"http": 80, "https": 443}
USER_AGENT = "complaint-triage"


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts bodies to one receiver.

    Parameters
    ----------
    timeout_seconds : float
        Longest time for connecting, sending and the answer together.
    allow_private : bool, default=False
        Whether addresses that the internet does not know are allowed.
    ca_file : Path, optional
        Authorities that the certificate may come from.
    resolve : callable, optional
        Gives the addresses of a name; asked once for each post.

    Notes
    -----
    Proxies of the environment are not used: they would resolve the name by themselves.
    """

    timeout_seconds: float
    allow_private: bool = False
    ca_file: Path | None = None
    resolve: Resolve = resolve

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str], *, is_answer_read: bool = False
    ) -> bytes:
        """Post a body.

        Parameters
        ----------
        url : str
            With ``https``, or ``http``.
        content : bytes
            The body.
        headers : mapping of str to str
            Beside those that every request has.
        is_answer_read : bool, default=False
            Whether to wait for the body of the answer.

        Returns
        -------
        bytes
            The first 64 KB of the answer; empty where it is not read.

        Raises
        ------
        DeliveryError
            If an address is refused, or there is no answer in time, or one outside 200-299.
        """
        target = httpx.URL(url)
        host = target.raw_host.decode("ascii")
        port = target.port or PORTS[target.scheme]
        addresses = allowed_addresses(
            host, port, allow_private=self.allow_private, resolve=self.resolve
        )
        # The connection goes to an address that was checked; the name is for the certificate.
        common = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        requests = [
            httpx.Request(
                "POST",
                target.copy_with(host=address.partition("%")[0]),
                content=content,
                headers={"Host": target.netloc.decode("ascii"), **common},
                extensions={"sni_hostname": host},
            )
            for address in addresses
        ]
        return asyncio.run(self._send(host, requests, is_answer_read=is_answer_read))

    async def _send(
        self, host: str, requests: list[httpx.Request], *, is_answer_read: bool
    ) -> bytes:
        try:
            async with asyncio.timeout(self.timeout_seconds), self._client(len(requests)) as client:
                response = await _first_answer(client, requests)
                _raise_unless_taken(host, response)
                answer = await _read(response) if is_answer_read else b""
                await response.aclose()
                return answer
        except (TimeoutError, httpx.TimeoutException) as error:
            raise DeliveryError(
                f"{host} gave no answer within {self.timeout_seconds:g} s"
            ) from error
        except httpx.ConnectError as error:
            raise DeliveryError(f"{host} cannot be connected to: {error}") from error
        except httpx.HTTPError as error:
            raise DeliveryError(f"{host} broke off: {type(error).__name__}") from error

    def _client(self, n_addresses: int) -> httpx.AsyncClient:
        seconds = self.timeout_seconds
        return httpx.AsyncClient(
            verify=trusted(self.ca_file),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(seconds, connect=seconds / n_addresses),
        )


@lru_cache(maxsize=64)
def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Give the authorities that certificates may come from; read once, since it takes long."""
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


async def _first_answer(client: httpx.AsyncClient, requests: list[httpx.Request]) -> httpx.Response:
    """Ask at one address after the other until one can be connected to."""
    *others, last = requests
    for request in others:
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
    return await client.send(last, stream=True)


async def _read(response: httpx.Response) -> bytes:
    found = b""
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) >= MAX_ANSWER_BYTES:
            break
    return found[:MAX_ANSWER_BYTES]


def _raise_unless_taken(host: str, response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_redirect:
        raise DeliveryError(f"{host} answered {status}: redirects are not followed")
    raise DeliveryError(
        f"{host} answered {status}",
        retry_after=read_retry_after(response.headers.get("retry-after"), datetime.now(UTC)),
        is_final=status == httpx.codes.GONE,
    )


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read how long a receiver wants to be left alone: seconds, or a date.

    Returns
    -------
    timedelta or None
        None where it says nothing that can be read.

    Examples
    --------
    >>> now = datetime(2026, 3, 1, 8, tzinfo=UTC)
    >>> read_retry_after("120", now).total_seconds()
    120.0
    >>> read_retry_after("Sun, 01 Mar 2026 08:01:00 GMT", now).total_seconds()
    60.0
    >>> read_retry_after("soon", now) is None
    True
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))
