"""What goes in and out at the door: requests and answers, checked by pydantic."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character NUL is not allowed")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a lone surrogate is not allowed") from error
    return text


Text = Annotated[str, AfterValidator(_storable)]
ShortText = Annotated[Text, Field(min_length=1, max_length=200)]
LongText = Annotated[Text, Field(min_length=1, max_length=4000)]
Span = Annotated[
    tuple[int, int],
    Field(description="[start, end) in Unicode code points of `text`", examples=[[0, 4]]),
]
Confidence = Annotated[float, Field(ge=0, le=1)]
TaskName = Literal["category", "motive", "urgency"]
Decision = Literal["auto", "suggest", "review"]
SurgeKind = Literal["topic", "cell"]
SurgeLevel = Literal["attention", "warning", "severe"]
SurgeState = Literal["watch", "alert", "acknowledged", "snoozed", "resolved", "false_alarm"]
SurgeGroup = Literal["one_customer", "one_unit", "one_product", "everywhere"]


class Request(BaseModel):
    """A request body: unknown fields are refused, so that a typing error is not lost data."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """An answer body."""

    model_config = ConfigDict(frozen=True)


class Problem(Answer):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:triage:problem:text"])
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="Where and why a body was refused; never what stood there"
    )


class ComplaintIn(Request):
    """A complaint as an intake system hands it in."""

    text: Annotated[Text, Field(max_length=100_000)] = Field(
        description="What the person wrote or said", examples=["空调装好三天就不制冷，客服推脱不管"]
    )
    external_id: ShortText | None = Field(
        default=None, description="Your own id; unique per source, makes repeats safe"
    )
    occurred_at: datetime | None = Field(
        default=None,
        description="When it was made [default: now]; without an offset in the service's zone",
    )
    channel: ShortText | None = Field(default=None, examples=["电话"])
    sector: ShortText | None = Field(default=None, examples=["ecommerce"])
    product: ShortText | None = None
    region: ShortText | None = None
    unit: ShortText | None = Field(default=None, description="Organisational unit that handles it")
    customer: ShortText | None = Field(
        default=None, description="Your id of the person; stored only as a keyed fingerprint"
    )
    customer_style: ShortText | None = Field(
        default=None, description="How the person talks, for the wording of handling steps"
    )


class AlternativeOut(Answer):
    """Another label with its probability."""

    label: str
    name: str
    confidence: Confidence


class EvidenceOut(Answer):
    """A term that carried a prediction, with its share of the score."""

    term: str
    weight: float
    span: Span


class PredictionOut(Answer):
    """The answer of one task."""

    label: str
    name: str
    confidence: Confidence = Field(description="Calibrated probability of the model's label")
    decision: Decision
    reason: str | None = Field(description="Why `decision` is not auto")
    alternatives: list[AlternativeOut]
    evidence: list[EvidenceOut]


class RaisedBy(Answer):
    """A safety rule that raised the urgency."""

    rule: str
    span: Span


class UrgencyOut(PredictionOut):
    """The urgency: `label` is final, `model_label` what the model said before any rule."""

    model_label: str
    raised_by: list[RaisedBy]


class FlagOut(Answer):
    """Something that needs special care, and where the text shows it."""

    flag: str
    span: Span
    rule: str


class Found(Answer):
    """Words of the text that answer a question of the card."""

    value: str
    span: Span


class MomentOut(Answer):
    """A date or time that the text names."""

    value: str = Field(description="ISO 8601, as exact as the words are", examples=["2026-06-03"])
    precision: str = Field(description="year, month, week, day, hour or minute")
    span: Span


class AmountOut(Answer):
    """A sum of money."""

    value: float | None = Field(description="null where its digits are masked")
    currency: str
    role: str | None = Field(description="paid, demanded, lost or charged")
    is_about: bool
    span: Span


class PriorContactsOut(Answer):
    """How often the person asked before; null for an unknown number."""

    count: int | None
    span: Span


class JudgedOut(Answer):
    """Something that the text shows to be so, or not so."""

    value: bool
    span: Span


class CardOut(Answer):
    """What the text says; null where it does not."""

    happened: Found | None
    when: list[MomentOut] | None
    amounts: list[AmountOut] | None
    product: Found | None
    people_involved: list[Found] | None
    grievance: Found | None
    demands: list[Found] | None
    prior_contacts: PriorContactsOut | None
    old_customer: JudgedOut | None
    reasonable: JudgedOut | None


class Step(Answer):
    """One handling step, in the order of handling."""

    order: int
    stage: str = Field(description="Stage of ISO 10002")
    move: str = Field(description="settle, ask, act, escalate or exchange")
    action: str
    say: str
    avoid: str
    role: str
    due_at: datetime
    source: str


class Deadline(Answer):
    """A date by which somebody must have done something, with the article that says so."""

    what: str
    duty_holder: str
    amount: int
    unit: str = Field(description="日, 工作日 or 小时")
    counts_from: str
    due_at: datetime
    authority: str
    article: str
    source: str
    verified: bool = Field(description="false where the wording of the article was not read")
    provisional: bool = Field(description="true where the date may still move")


class Similar(Answer):
    """A resolved case like this one."""

    id: str
    score: float
    outcome: dict[str, Any] | None


class SurgeTopic(Answer):
    """What a surge is about."""

    id: int | str = Field(description="Number of the topic; a surge of a cell has the cell's name")
    terms: list[str] = Field(description="Words that stand out; empty where no text is kept")


class Warning_(Answer):
    """The surge that this complaint belongs to."""

    model_config = ConfigDict(frozen=True, title="Warning")

    surge_id: str
    level: SurgeLevel
    topic: SurgeTopic
    group: SurgeGroup
    observed: int
    expected: float
    p_value: float
    since: datetime
    message: str


class TriageOut(Answer):
    """The whole triage of one complaint."""

    id: str | None = Field(description="null where nothing was stored")
    model: str = Field(description="Version of the model that answered")
    segmenter: str
    received_at: datetime
    text: str | None = Field(
        description="The masked text; null after its time of keeping is over or it was erased"
    )
    category: PredictionOut | None = Field(description="null where the model lacks the task")
    motive: PredictionOut | None
    urgency: UrgencyOut | None
    flags: list[FlagOut]
    card: CardOut | None
    steps: list[Step]
    deadlines: list[Deadline]
    similar: list[Similar]
    duplicate_of: str | None
    warning: Warning_ | None


class Live(Answer):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(Answer):
    """What the service needs in order to answer."""

    status: Literal["ready", "not ready"]
    model: str | None
    database: bool
    reason: str | None = None


class BatchIn(Request):
    """Several complaints; each is checked for itself, so that a bad one spoils no other."""

    items: list[Any] = Field(
        min_length=1,
        max_length=1000,
        json_schema_extra={"items": {"$ref": "#/components/schemas/ComplaintIn"}},
    )


class BatchItemOut(Answer):
    """What became of one complaint: a result or a problem."""

    status: int = Field(description="201 stored, 200 stored before, or that of `problem`")
    result: TriageOut | None
    problem: Problem | None


class BatchOut(Answer):
    """The results in the order of the items."""

    items: list[BatchItemOut]


class ImportLineOut(Answer):
    """What became of one line of an import."""

    line: int = Field(ge=1)
    status: int
    id: str | None
    problem: Problem | None


class ResponseIn(Request):
    """The first response to the person."""

    at: datetime | None = Field(default=None, description="[default: now]")
    channel: ShortText | None = None


class CorrectionIn(Request):
    """The right labels, of any of the tasks."""

    labels: dict[TaskName, ShortText] = Field(min_length=1, examples=[{"category": "refund"}])
    reason: LongText | None = None


class OutcomeIn(Request):
    """How a complaint ended."""

    resolution: LongText
    cause: LongText | None = None
    measure: LongText | None = Field(default=None, description="What keeps it from coming again")
    satisfied: bool | None = None


class CorrectionOut(Answer):
    """A correction as it was made."""

    at: datetime
    task: str
    before: str | None
    label: str
    reason: str | None
    model: str
    source: str


class OutcomeOut(Answer):
    """How a complaint ended."""

    at: datetime
    resolution: str
    cause: str | None
    measure: str | None
    satisfied: bool | None
    model: str
    source: str


class ComplaintSummary(Answer):
    """One line of a list of complaints; labels are the newest corrections where there are any."""

    id: str
    source: str
    external_id: str | None
    received_at: datetime
    occurred_at: datetime
    channel: str | None
    sector: str | None
    product: str | None
    region: str | None
    unit: str | None
    text: str | None
    category: str | None
    category_decision: Decision | None
    motive: str | None
    motive_decision: Decision | None
    urgency: str | None
    urgency_decision: Decision | None
    flags: list[str]
    model: str
    first_response_due_at: datetime | None
    responded_at: datetime | None
    resolved_at: datetime | None
    overdue: bool


class ComplaintPage(Answer):
    """A page of complaints, newest first."""

    items: list[ComplaintSummary]
    next_cursor: str | None = Field(description="null on the last page")


class ComplaintOut(Answer):
    """A stored complaint: what it is now, the answer it was given, and what was done since."""

    complaint: ComplaintSummary
    triage: TriageOut
    response_channel: str | None
    corrections: list[CorrectionOut]
    outcome: OutcomeOut | None


class Erased(Answer):
    """How many complaints were removed."""

    complaints: int


class Overview(Answer):
    """Numbers of a day."""

    day: str
    received: int
    by_category: dict[str, int]
    by_motive: dict[str, int]
    by_urgency: dict[str, int]
    by_decision: dict[str, int] = Field(description="Decisions on the category")
    by_flag: dict[str, int]
    open: int = Field(description="Without a first response, of all days")
    overdue: int
    resolved: int
    warnings: int = Field(description="Open alerts")


class DayCount(Answer):
    """Complaints of one day."""

    day: str
    received: int
    corrected: int
    resolved: int


class Report(Answer):
    """Numbers of a period, both days included."""

    since: str
    until: str
    received: int
    by_category: dict[str, int]
    by_motive: dict[str, int]
    by_urgency: dict[str, int]
    by_unit: dict[str, int]
    by_source: dict[str, int]
    auto_share: float | None = Field(description="Share of automatic decisions on the category")
    corrected_share: float | None
    responded_in_time_share: float | None
    median_response_hours: float | None
    satisfied_share: float | None
    days: list[DayCount]


class ReplyIn(Request):
    """A draft reply to a complaint."""

    text: Annotated[Text, Field(min_length=1, max_length=20_000)] = Field(
        examples=["您先别激动，这不归我们管"]
    )


class ReplyFinding(Answer):
    """A phrase not to say, and what to say instead."""

    kind: str
    span: Span
    rule: str
    say: str
    source: str


class ReplyGap(Answer):
    """A part that the reply lacks, and how to say it."""

    part: str
    name: str
    say: str
    source: str


class ReplyTone(Answer):
    """What the score of the tone is made of."""

    reason: str
    points: int


class ReplyOut(Answer):
    """What to change in a draft reply; spans count code points of the draft."""

    findings: list[ReplyFinding]
    missing: list[ReplyGap]
    score: int
    tone: list[ReplyTone]


class SurgeSummary(Answer):
    """One line of a list of surges."""

    id: str
    kind: SurgeKind
    topic: SurgeTopic
    group: SurgeGroup
    state: SurgeState
    level: SurgeLevel
    opened_at: datetime
    since: datetime
    last_at: datetime
    observed: int
    expected: float
    p_value: float
    n_customers: int
    message: str
    assigned_to: str | None
    snoozed_until: datetime | None
    category: str | None = Field(description="Shared by most of its complaints; null otherwise")
    product: str | None
    region: str | None
    unit: str | None


class SurgePage(Answer):
    """A page of surges, newest first."""

    items: list[SurgeSummary]
    next_cursor: str | None = Field(description="null on the last page")
    capped_fields: list[str] = Field(
        description="Fields with more values than are watched one by one (TRIAGE_SURGE_MAX_VALUES)"
    )


class SurgeField(Answer):
    """A value that stands out in a surge."""

    name: str
    value: str


class SurgeExplanation(Answer):
    """Why it is a surge, and whom it concerns."""

    terms: list[str]
    fields: list[SurgeField]
    group: SurgeGroup
    group_name: str
    expected_interval: tuple[float, float]
    once_in_weeks: float = Field(description="A quiet stream shows the like once in so many weeks")
    short_history: bool = Field(description="Less than four weeks were learnt from")
    observed_at_open: int


class SurgeComplaint(Answer):
    """A complaint that stands for others."""

    id: str
    received_at: datetime
    unit: str | None
    text: str | None = Field(description="The masked text; null after its time of keeping is over")


class SurgeSeries(Answer):
    """Daily counts around a surge, for a chart."""

    days: list[date]
    observed: list[int]
    members: list[int]
    expected: list[float]
    expected_low: list[float]
    expected_high: list[float]
    opened_on: date


class SurgeStep(Answer):
    """One step in the life of a surge: when, what, by whom and why."""

    at: datetime
    state: str
    by: str
    why: str


class SurgeOut(SurgeSummary):
    """A surge with its explanation and all that was done."""

    explanation: SurgeExplanation
    representatives: list[SurgeComplaint]
    measures: list[str]
    notice_draft: str = Field(description="Draft of a notice to publish before customers ask")
    members: list[str] = Field(description="Ids of complaints, at most 1000")
    members_at_open: list[str]
    series: SurgeSeries | None = Field(description="null for surges closed long ago")
    steps: list[SurgeStep]


class ReasonIn(Request):
    """Why something is done; masked before it is kept."""

    reason: LongText | None = None


class AssignIn(ReasonIn):
    """Who is to deal with a surge."""

    owner: ShortText


class SnoozeIn(ReasonIn):
    """Until when nobody is to be told of a surge, unless it doubles."""

    until: datetime


class SplitIn(ReasonIn):
    """Complaints that are another matter than the rest of a surge."""

    complaint_ids: list[ShortText] = Field(min_length=1, max_length=1000)


class MergeIn(ReasonIn):
    """The surge that is the same matter, and goes into this one."""

    other: ShortText
