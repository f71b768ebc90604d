"""The whole answer as a page that a person reads in a terminal, in Chinese."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.schemas import CardOut, PredictionOut, TriageOut
from api.wording import Wording


class StepLike(Protocol):
    """What a line of the plan needs, from the domain or from the door."""

    @property
    def order(self) -> int:
        """Place in the plan."""

    @property
    def due_at(self) -> datetime:
        """By when."""

    @property
    def role(self) -> str:
        """Who."""

    @property
    def action(self) -> str:
        """What to do."""

    @property
    def say(self) -> str:
        """What to say."""

    @property
    def avoid(self) -> str:
        """What not to say."""

    @property
    def source(self) -> str:
        """Where it comes from."""


def show_plan(console: Console, answer: TriageOut) -> None:
    """Print labels, flags, card, steps and deadlines, in the order they are needed."""
    wording = Wording.from_file()
    console.print(_label_table(answer, wording))
    if answer.flags:
        flags = "、".join(dict.fromkeys(wording.flags.get(f.flag, f.flag) for f in answer.flags))
        console.print(f"[bold]{wording.titles['flags']}[/bold] {flags}")
    if answer.card:
        console.print(_card_table(answer.card, wording))
    console.print(steps_table(answer.steps))
    console.print(_deadline_table(answer, wording))


def steps_table(steps: Iterable[StepLike]) -> Table:
    """Give a plan as a table, one step a row."""
    titles = Wording.from_file().step_columns
    table = Table(show_lines=True)
    for title in titles:
        table.add_column(title, overflow="fold")
    for step in steps:
        table.add_row(
            str(step.order),
            f"{step.due_at:%m-%d %H:%M}",
            step.role,
            *(escape(part) for part in (step.action, step.say, step.avoid, step.source)),
        )
    return table


def _label_table(answer: TriageOut, wording: Wording) -> Table:
    table = Table(*wording.label_columns)
    tasks: Sequence[tuple[str, PredictionOut | None]] = (
        ("category", answer.category),
        ("motive", answer.motive),
        ("urgency", answer.urgency),
    )
    for task, prediction in tasks:
        if prediction:
            terms = " ".join(item.term for item in prediction.evidence)
            decision = wording.decisions[prediction.decision]
            table.add_row(
                wording.tasks[task], prediction.name, f"{prediction.confidence:.0%}", decision,
                escape(terms),
            )  # fmt: skip
    return table


def _card_table(card: CardOut, wording: Wording) -> Table:
    table = Table(title=wording.titles["card"], show_header=False)
    values: dict[str, object] = {
        "happened": card.happened and card.happened.value,
        "when": card.when and "、".join(moment.value for moment in card.when),
        "product": card.product and card.product.value,
        "amounts": card.amounts
        and "、".join(
            f"{amount.value:g} {amount.currency}" for amount in card.amounts if amount.value
        ),
        "people_involved": card.people_involved
        and "、".join(person.value for person in card.people_involved),
        "grievance": card.grievance and card.grievance.value,
        "demands": card.demands and "、".join(demand.value for demand in card.demands),
        "prior_contacts": card.prior_contacts
        and str(card.prior_contacts.count or wording.titles["several"]),
    }
    for name, value in values.items():
        table.add_row(wording.card[name], escape(str(value)) if value else wording.titles["silent"])
    return table


def _deadline_table(answer: TriageOut, wording: Wording) -> Table:
    table = Table(*wording.deadline_columns, title=wording.titles["deadlines"], show_lines=True)
    for deadline in answer.deadlines:
        notes = [
            wording.titles[key]
            for key, applies in (
                ("unverified", not deadline.verified),
                ("provisional", deadline.provisional),
            )
            if applies
        ]
        table.add_row(
            f"{deadline.due_at:%Y-%m-%d %H:%M}",
            escape(deadline.duty_holder),
            escape(deadline.what),
            escape(f"{deadline.authority} {deadline.article}"),
            "、".join(notes),
        )
    return table
