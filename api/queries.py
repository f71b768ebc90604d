"""The query string of the list of complaints."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.records import Wanted, aware
from api.schemas import Decision, Request, ShortText
from api.service import Service


class ListQuery(Request):
    """Filters of the list; those not given do not count."""

    q: ShortText | None = Field(default=None, description="Words that the text holds")
    category: ShortText | None = None
    motive: ShortText | None = None
    urgency: ShortText | None = None
    decision: Decision | None = Field(default=None, description="Decision on the category")
    flag: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] | None = None
    source: ShortText | None = None
    unit: ShortText | None = None
    external_id: ShortText | None = None
    customer: ShortText | None = Field(default=None, description="Your id of the person")
    since: datetime | None = Field(default=None, description="Received at or after")
    until: datetime | None = Field(default=None, description="Received before")
    overdue: bool | None = Field(default=None, description="First response is late")
    resolved: bool | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = Field(
        default=None, description="`next_cursor` of the page before"
    )

    @property
    def before(self) -> int | None:
        """The number that the cursor holds."""
        return int(self.cursor) if self.cursor else None

    def wanted(self, service: Service) -> Wanted:
        """Give the filters with times in the service's zone and the customer's fingerprint."""
        now = service.now
        return Wanted(
            category=self.category,
            motive=self.motive,
            urgency=self.urgency,
            decision=self.decision,
            flag=self.flag,
            source=self.source,
            unit=self.unit,
            external_id=self.external_id,
            customer=service.fingerprints.of_customer(self.customer) if self.customer else None,
            since=aware(self.since, now) if self.since else None,
            until=aware(self.until, now) if self.until else None,
            overdue=self.overdue,
            resolved=self.resolved,
            query=self.q,
        )
