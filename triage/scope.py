"""Texts that are no complaint in Chinese: too short, another language, gibberish, advertisement."""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from triage.errors import ConfigError

MIN_HAN = 4
MIN_HAN_SHARE = 0.3
MAX_SAME_SHARE = 0.5

_HAN = re.compile(r"[\u3400-\u9fff]")
_MASK = re.compile(r"<[\u4e00-\u9fffQ]{2,5}>")


@dataclass(frozen=True, slots=True)
class Scope:
    """Tells why a text is out of scope.

    Examples
    --------
    >>> scope = Scope.from_file()
    >>> scope.reason("My parcel never arrived and nobody answers the phone.")
    'other_language'
    >>> scope.reason("啊啊啊啊啊啊啊啊啊啊")
    'gibberish'
    >>> scope.reason("退款"), scope.reason("快递三天没到")
    ('too_short', None)
    """

    strong: tuple[str, ...]
    cues: tuple[str, ...]
    complaint_words: tuple[str, ...]
    empty: frozenset[str]

    @classmethod
    def from_file(cls, path: Path | None = None) -> Self:
        """Read the table; None reads the packaged one.

        Raises
        ------
        ConfigError
            If a part of the table is missing.
        """
        source = path or resources.files("triage") / "scope.toml"
        data = tomllib.loads(source.read_text(encoding="utf-8"))
        try:
            advertisement = data["advertisement"]
            return cls(
                strong=tuple(advertisement["strong"]),
                cues=tuple(advertisement["cues"]),
                complaint_words=tuple(advertisement["complaint_words"]),
                empty=frozenset(data["empty"]["texts"]),
            )
        except KeyError as error:
            raise ConfigError(f"{path or 'scope.toml'}: {error} is missing") from error

    def reason(self, folded: str) -> str | None:
        """Say why a folded text is out of scope.

        Returns
        -------
        str or None
            ``empty``, ``too_short``, ``other_language``, ``gibberish`` or ``advertisement``;
            None for a text that may be a complaint.
        """
        text = _MASK.sub("", folded).strip()
        if not text or text.lower().strip(" ,.!?。") in self.empty:
            return "empty"
        n_han = len(_HAN.findall(text))
        if n_han < MIN_HAN or n_han < MIN_HAN_SHARE * len(text):
            letters = sum(c.isalpha() for c in text) - n_han
            return (
                "other_language" if letters > max(4 * n_han, 8) else self._short_or_odd(text, n_han)
            )
        if n_han >= 8 and _commonest_share(text) > MAX_SAME_SHARE:
            return "gibberish"
        return self.advertisement(text)

    def _short_or_odd(self, text: str, n_han: int) -> str | None:
        if n_han < MIN_HAN:
            return "too_short" if len(text) < 30 else "gibberish"
        return None

    def advertisement(self, folded: str) -> str | None:
        """Say ``advertisement`` of a text that offers something and complains of nothing."""
        if any(word in folded for word in self.complaint_words):
            return None
        offers = any(w in folded for w in self.strong) or sum(w in folded for w in self.cues) >= 2
        return "advertisement" if offers else None


def _commonest_share(text: str) -> float:
    plain = text.replace(" ", "")
    return max(plain.count(c) for c in set(plain)) / len(plain)
