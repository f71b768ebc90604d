"""From the domain's results to the answer at the door."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from api.cards import show_card
from api.case_library import CaseLibrary
from api.schemas import ComplaintIn, Deadline, Step, TriageOut
from api.settings import Settings, Visit
from models.bundle import ModelBundle
from triage.calendar import WorkCalendar
from triage.card import CardReader
from triage.complaint import Prediction, Triage
from triage.deadlines import Deadlines
from triage.errors import TextError
from triage.flags import FlagRules
from triage.playbook import Playbook
from triage.replies import ReplyRules
from triage.taxonomy import Task
from triage.text import CleanText, clean_texts
from triage.triager import Triager

Values = dict[str, Any]
STEP, DEADLINE = tuple(Step.model_fields), tuple(Deadline.model_fields)

DEFAULT_URGENCY = "normal"
"""Level whose first-response time holds where the model does not judge urgency."""


@dataclass(frozen=True, slots=True)
class Received:
    """A complaint with the moment it reached the service, in the service's zone.

    `is_live` is False for old complaints that are brought in afterwards: no clock runs for them.
    """

    complaint: ComplaintIn
    received_at: datetime
    id: str | None = None
    is_live: bool = True


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with what is stored beside it but not shown.

    `values` are the fields of `TriageOut`, made by our own code and checked by tests: on the way
    into the store they are written as they are, for a check would cost as much as the storing.
    """

    values: Values
    folded: str
    first_response_due_at: datetime | None

    @property
    def id(self) -> str:
        """Id of the complaint."""
        found: str = self.values["id"]
        return found

    @property
    def answer(self) -> TriageOut:
        """The answer, checked."""
        return TriageOut.model_validate(self.values)

    def to_json(self) -> str:
        """Write the answer without its text, as it is stored."""
        shown = {name: value for name, value in self.values.items() if name != "text"}
        return to_json(shown).decode()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The tables of handling knowledge, each read once."""

    rules: FlagRules
    deadlines: Deadlines
    playbook: Playbook
    cards: CardReader
    replies: ReplyRules
    calendar: WorkCalendar

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read all tables."""
        calendar = settings.calendar_file
        return cls(
            rules=FlagRules.from_file(),
            deadlines=Deadlines.from_file(zone=ZoneInfo(settings.zone)),
            playbook=Playbook.from_file(),
            cards=CardReader.from_file(),
            replies=ReplyRules.from_file(),
            calendar=WorkCalendar.from_file(calendar) if calendar else WorkCalendar(),
        )


@dataclass(frozen=True, slots=True)
class Answerer:
    """One model version together with the handling knowledge: answers complaints."""

    bundle: ModelBundle
    knowledge: Knowledge
    settings: Settings
    library: CaseLibrary = field(default_factory=CaseLibrary)

    @property
    def version(self) -> str:
        """The model version that answers."""
        return self.bundle.version

    def answer(self, received: Sequence[Received]) -> list[Answered]:
        """Answer complaints; each answer is the same as if it came alone.

        Parameters
        ----------
        received : sequence of Received, length n_complaints

        Returns
        -------
        list of Answered, length n_complaints
            In the same order.
        """
        texts = [one.complaint.text for one in received]
        triages = Triager(self.bundle, self.knowledge.rules).triage(texts)
        cleaned = clean_texts(texts)
        return [self._complete(*each) for each in zip(received, triages, cleaned, strict=True)]

    def warm_up(self) -> None:
        """Answer once, so that no caller waits for what is made at first use."""
        now = datetime.now(ZoneInfo(self.settings.zone))
        self.answer([Received(ComplaintIn(text="電視壞咗，要求退款"), now)])

    def visit(self, channel: str | None) -> Visit:
        """Say which of the four kinds of contact a channel is."""
        return self.settings.channels.get(channel or "", self.settings.default_channel)

    def _complete(self, received: Received, triage: Triage, clean: CleanText) -> Answered:
        urgency = triage.predictions.urgency
        level = urgency.label if urgency else DEFAULT_URGENCY
        knowledge = self.knowledge
        first_response = knowledge.deadlines.first_response(
            received.received_at, urgency=level, calendar=knowledge.calendar
        )
        values: Values = {
            "id": received.id,
            "model": self.bundle.version,
            "segmenter": self.bundle.engine,
            "received_at": received.received_at,
            "text": triage.text,
            "category": self._prediction("category", triage),
            "motive": self._prediction("motive", triage),
            "urgency": self._urgency(triage),
            "flags": [
                {"flag": f.flag, "span": (f.start, f.end), "rule": f.rule} for f in triage.flags
            ],
            "card": show_card(knowledge.cards.read(clean.folded, received.received_at), clean),
            "steps": self._steps(received, triage),
            "deadlines": self._deadlines(received, level),
            "similar": self._similar(triage, clean),
            "duplicate_of": None,
            "warning": None,
        }
        return Answered(values, clean.folded, first_response.due_at if received.is_live else None)

    def _prediction(self, task_id: str, triage: Triage) -> Values | None:
        prediction = triage.predictions.of(task_id)
        if prediction is None:
            return None
        return _fields(self.bundle.taxonomy.task(task_id), prediction)

    def _urgency(self, triage: Triage) -> Values | None:
        values = self._prediction("urgency", triage)
        if values is None:
            return None
        return {
            **values,
            "model_label": triage.model_urgency or values["label"],
            "raised_by": [{"rule": r.rule, "span": (r.start, r.end)} for r in triage.raised_by],
        }

    def _steps(self, received: Received, triage: Triage) -> list[Values]:
        found = triage.predictions
        plan = self.knowledge.playbook.plan(
            found.category.label if found.category else None,
            found.motive.label if found.motive else None,
            found.urgency.label if found.urgency else None,
            self.visit(received.complaint.channel),
            {flag.flag for flag in triage.flags},
            received.complaint.customer_style,
            received.received_at,
            self.knowledge.calendar,
        )
        return [{name: getattr(step, name) for name in STEP} for step in plan]

    def _similar(self, triage: Triage, clean: CleanText) -> list[Values]:
        category = triage.predictions.category
        label = category.label if category else None
        return self.library.find(self.bundle, clean, label, self.settings.similar_cases)

    def _deadlines(self, received: Received, level: str) -> list[Values]:
        complaint = received.complaint
        deadlines = self.knowledge.deadlines.apply(
            received.received_at,
            urgency=level,
            sector=complaint.sector or self.settings.sector,
            region=complaint.region or self.settings.region,
            calendar=self.knowledge.calendar,
        )
        return [{name: getattr(deadline, name) for name in DEADLINE} for deadline in deadlines]


def check_text(text: str, max_chars: int) -> None:
    """Refuse a text that is empty or too long.

    Raises
    ------
    TextError
        With the length, never the text.

    Examples
    --------
    >>> check_text("退款", max_chars=1)
    Traceback (most recent call last):
    triage.errors.TextError: the text has 2 characters: 1 to 1 are allowed (TRIAGE_MAX_TEXT_CHARS)
    """
    n_chars = len(text) if text.strip() else 0
    if not 0 < n_chars <= max_chars:
        raise TextError(
            f"the text has {n_chars} characters: 1 to {max_chars} are allowed "
            "(TRIAGE_MAX_TEXT_CHARS)"
        )


def _fields(task: Task, prediction: Prediction) -> Values:
    """Give the fields that all tasks share."""
    names = {label.id: label.name for label in task.labels}
    return {
        "label": prediction.label,
        "name": names[prediction.label],
        "confidence": prediction.confidence,
        "decision": prediction.decision,
        "reason": prediction.reason,
        "alternatives": [
            {
                "label": other.label,
                "name": names[other.label],
                "confidence": round(other.confidence, 6),
            }
            for other in prediction.alternatives
        ],
        "evidence": [
            {"term": e.term, "weight": e.weight, "span": (e.start, e.end)}
            for e in prediction.evidence
        ],
    }
