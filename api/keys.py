"""Who calls: keys, their roles, and the source they belong to."""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from api.errors import NotAuthenticatedError
from api.settings import Settings

Role = Literal["intake", "handler", "supervisor", "trainer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
PREFIX = "tk"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    `unit` bounds what a handler sees; None for callers that are bound to no unit.
    """

    key_id: str
    source: str
    roles: frozenset[Role]
    unit: str | None = None

    @property
    def sees_all(self) -> bool:
        """Whether complaints of every unit may be seen."""
        return bool(self.roles & {"supervisor", "trainer", "admin"})


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the database holds it: never the key itself."""

    principal: Principal
    secret_hash: str
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; `text` is shown once and stored nowhere."""

    id: str
    text: str
    secret_hash: str

    @classmethod
    def make(cls) -> "NewKey":
        """Draw a key of 256 random bits."""
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        return cls(key_id, f"{PREFIX}_{key_id}_{secret}", hash_secret(secret))


def hash_secret(secret: str) -> str:
    """Hash the secret part of a key; its 256 random bits need no slow hash.

    Examples
    --------
    >>> hash_secret("x")[:8]
    '2d711642'
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


@dataclass(slots=True)
class KeyRing:
    """Knows the keys; reads them anew when they are older than the settings allow.

    Parameters
    ----------
    read : callable
        Gives the stored keys.
    """

    settings: Settings
    read: Callable[[], Iterable[StoredKey]]
    _keys: Mapping[str, StoredKey] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _used: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_stale(self) -> bool:
        """Whether the keys must be read before the next answer."""
        return time.monotonic() - self._read_at >= self.settings.key_cache_seconds

    def refresh(self) -> None:
        """Read the keys."""
        with self._lock:
            if not self.is_stale:
                return
            self._keys = {key.principal.key_id: key for key in self.read()}
            self._read_at = time.monotonic()

    def identify(self, authorization: str | None) -> Principal:
        """Give the caller that an Authorization header names.

        Raises
        ------
        NotAuthenticatedError
            The same for a missing, unknown or revoked key, so that nobody learns which.
        """
        if self.settings.authentication == "none":
            return Principal("none", "local", frozenset(ROLES))
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.casefold() == "bearer":
            principal = self._demo(text) or self._stored(text)
            if principal:
                return principal
        raise NotAuthenticatedError("this needs a valid key: Authorization: Bearer KEY")

    def take_used(self) -> dict[str, float]:
        """Give, and forget, when keys were used since the last call (seconds since the epoch)."""
        used, self._used = self._used, {}
        return used

    def _demo(self, text: str) -> Principal | None:
        demo = self.settings.demo_key
        if demo is None or not _equal(hash_secret(text), hash_secret(demo.get_secret_value())):
            return None
        return Principal("demo", "demo", frozenset(ROLES))

    def _stored(self, text: str) -> Principal | None:
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        key = self._keys.get(key_id)
        # Hashed and compared even where there is no such key: the time must not tell.
        is_right = _equal(hash_secret(secret), key.secret_hash if key else hash_secret(""))
        if key is None or not is_right or prefix != PREFIX or key.is_revoked:
            return None
        self._used[key_id] = time.time()
        return key.principal


def _equal(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode())
