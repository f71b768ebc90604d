"""Groups of cue expressions, all looked for in one scan of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from triage.cue_book import CueBook
from triage.cues import Expression, Reading, Span

Find = tuple[int, Span]
"""Number of an expression in its group, and where it stands."""


class CueShelf:
    """Groups of expressions that are looked for together.

    Parameters
    ----------
    groups : mapping of str to sequence of Expression
        Each group by its name.
    sample : str, default=""
        Text that shows which words are common, as for `CueBook`.

    Examples
    --------
    >>> groups = {"money": [Expression.parse("退款")], "manners": [Expression.parse("道歉")]}
    >>> CueShelf(groups).find(Reading("请道歉"))
    {'manners': [(0, Span(start=1, end=3))]}
    """

    def __init__(self, groups: Mapping[str, Sequence[Expression]], sample: str = "") -> None:
        self._owners = [
            (name, number) for name, group in groups.items() for number in range(len(group))
        ]
        self._book = CueBook([cue for group in groups.values() for cue in group], sample)

    def find(self, reading: Reading) -> dict[str, list[Find]]:
        """Find every place where an expression stands.

        Parameters
        ----------
        reading : Reading
            The text.

        Returns
        -------
        dict of str to list of tuple of int and Span
            What was found of each group, by expression and place; no entry where nothing was.
        """
        found: dict[str, list[Find]] = {}
        for number, span in self._book.find(reading):
            name, own = self._owners[number]
            found.setdefault(name, []).append((own, span))
        return found
