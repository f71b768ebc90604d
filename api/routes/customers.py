"""Customers: all that is known of one, removed."""

from typing import Annotated

from fastapi import APIRouter, Path

from api import erasure
from api.access import Admin, ServiceOf
from api.problems import PROBLEMS
from api.schemas import Erased, ShortText

router = APIRouter(prefix="/v1/customers", tags=["customers"])


@router.delete("/{customer}", responses=PROBLEMS.plain)
def erase_customer(
    service: ServiceOf,
    who: Admin,
    customer: Annotated[ShortText, Path(description="Your id of the person")],
) -> Erased:
    """Remove all complaints of a customer; the audit trail keeps that they were removed."""
    mark = service.fingerprints.of_customer(customer)
    with service.store.write() as connection:
        erased = Erased(complaints=erasure.erase_customer(connection, who, mark))
    service.watch.redact()
    return erased
