"""Draft replies: what not to say, and what is missing."""

from dataclasses import asdict

from fastapi import APIRouter

from api.access import Replier, ServiceOf
from api.problems import PROBLEMS
from api.schemas import ReplyFinding, ReplyGap, ReplyIn, ReplyOut, ReplyTone
from triage.replies import ReplyCheck

router = APIRouter(prefix="/v1/replies", tags=["replies"])


@router.post("/check", responses=PROBLEMS.body)
def check_reply(service: ServiceOf, _: Replier, reply: ReplyIn) -> ReplyOut:
    """Check a draft reply; nothing is stored."""
    return show_check(service.models.knowledge.replies.check(reply.text))


def show_check(check: ReplyCheck) -> ReplyOut:
    """Give what was found as it is answered."""
    return ReplyOut(
        findings=[
            ReplyFinding(
                kind=f.kind, span=(f.start, f.end), rule=f.rule, say=f.say, source=f.source
            )
            for f in check.findings
        ],
        missing=[ReplyGap(**asdict(part)) for part in check.missing],
        score=check.score,
        tone=[ReplyTone(reason=item.reason, points=item.points) for item in check.tone],
    )
