"""The complaint card at the door: spans moved to the text that is shown."""

from collections.abc import Sequence
from typing import Any, Protocol

from triage.card import Card, Found, Judged
from triage.text import CleanText

Values = dict[str, Any]


class _Spanned(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def show_card(card: Card, clean: CleanText) -> Values:
    """Give the card of a text that was read in its folded view, as `CardOut` has it."""

    def span(found: _Spanned) -> tuple[int, int]:
        return clean.span(found.start, found.end)

    def one(found: Found | Judged | None) -> Values | None:
        return {"value": found.value, "span": span(found)} if found else None

    def several(found: Sequence[Found] | None) -> list[Values | None] | None:
        return None if found is None else [one(each) for each in found]

    prior = card.prior_contacts
    return {
        "happened": one(card.happened),
        "when": None
        if card.when is None
        else [
            {"value": moment.value, "precision": moment.precision, "span": span(moment)}
            for moment in card.when
        ],
        "amounts": None
        if card.amounts is None
        else [
            {
                "value": None if amount.value is None else float(amount.value),
                "currency": amount.currency,
                "role": amount.role,
                "is_about": amount.is_about,
                "span": span(amount),
            }
            for amount in card.amounts
        ],
        "product": one(card.product),
        "people_involved": several(card.people_involved),
        "grievance": one(card.grievance),
        "demands": several(card.demands),
        "prior_contacts": {"count": prior.count, "span": span(prior)} if prior else None,
        "old_customer": one(card.old_customer),
        "reasonable": one(card.reasonable),
    }
