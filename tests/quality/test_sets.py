"""Rules measured on texts whose writers had not seen them; floors stand in one table.

A number that falls below its floor fails with both numbers. ``pytest tests/quality -s`` prints all.
"""

import csv
import json
from collections.abc import Iterable
from datetime import datetime
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from triage.card import CardReader
from triage.flags import FLAGS, FlagRules
from triage.privacy import find_personal_data
from triage.replies import ReplyRules
from triage.text import CleanText, clean_texts, fold

pytestmark = pytest.mark.quality
HERE = Path(__file__).parent
FLOORS = json.loads((HERE / "floors.json").read_text(encoding="utf-8"))


def read(name: str) -> list[dict[str, Any]]:
    lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def check(name: str, value: float) -> None:
    print(f"{name}: {value:.3f} (floor {FLOORS[name]})")
    assert value >= FLOORS[name], f"{name} is {value:.3f}, its floor is {FLOORS[name]}"


def f1(hits: int, found: int, wanted: int) -> float:
    return 2 * hits / (found + wanted) if found + wanted else 1.0


def overlaps(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def places(text: str, phrases: Iterable[str]) -> list[tuple[int, int]]:
    """Find phrases in order, each behind the one before where it can be."""
    spans, start = [], 0
    for phrase in phrases:
        at = text.find(phrase, start)
        at = text.find(phrase) if at < 0 else at
        spans.append((at, at + len(phrase)))
        start = at + len(phrase)
    return spans


def test_personal_data():
    hits = found = wanted = 0
    for row in read("privacy"):
        folded, offsets = fold(row["text"])
        ours = {
            row["text"][offsets[start] : max(offsets[end], offsets[end - 1] + 1)]
            for start, end, _ in find_personal_data(folded)
        }
        theirs = {item["phrase"] for item in row["personal"]}
        hits, found, wanted = hits + len(ours & theirs), found + len(ours), wanted + len(theirs)
    check("privacy_recall", hits / wanted)
    check("privacy_precision", hits / found)


@pytest.fixture(scope="module")
def flag_answers() -> list[tuple[set[str], set[str]]]:
    rows = read("flags")
    clean = clean_texts([row["text"] for row in rows])
    found = list(map(FlagRules.from_file().find, (c.folded for c in clean)))
    return [(set(row["flags"]), {f.flag for f in fs}) for row, fs in zip(rows, found, strict=True)]


@pytest.mark.parametrize("flag", FLAGS)
def test_flags(flag: str, flag_answers: list[tuple[set[str], set[str]]]):
    hits = sum(flag in a and flag in b for a, b in flag_answers)
    wanted = sum(flag in a for a, _ in flag_answers)
    check(f"flag_{flag}", f1(hits, sum(flag in b for _, b in flag_answers), wanted))
    if flag in ("self_harm", "safety_risk"):
        check(f"flag_{flag}_recall", hits / wanted)


def test_safety_rules():
    rows = read("safety")
    clean = clean_texts([row["text"] for row in rows])
    found = list(map(FlagRules.from_file().find, (c.folded for c in clean)))
    spoke = [any(f.raises or f.flag in ("safety_risk", "self_harm") for f in fs) for fs in found]
    danger = [row["expected"] == "danger" for row in rows]
    check("safety_recall", sum(s for s, d in zip(spoke, danger, strict=True) if d) / sum(danger))
    quiet = [not s for s, d in zip(spoke, danger, strict=True) if not d]
    check("safety_quiet", sum(quiet) / len(quiet))


@pytest.mark.parametrize("name", ["replies", "replies_dev"])
def test_reply_check(name: str):
    rules = ReplyRules.from_file()
    hits = found = wanted = 0
    part_hits = part_found = part_wanted = 0
    for row in read(name):
        answer = rules.check(row["text"])
        ours = [(f.kind, (f.start, f.end)) for f in answer.findings]
        spans = places(row["text"], [f["phrase"] for f in row["findings"]])
        theirs = [(f["kind"], s) for f, s in zip(row["findings"], spans, strict=True)]
        found, wanted = found + len(ours), wanted + len(theirs)
        for kind, span in theirs:  # each of ours may answer for one of theirs
            match = next((o for o in ours if o[0] == kind and overlaps(o[1], span)), None)
            if match:
                ours.remove(match)
                hits += 1
        missing = {part.part for part in answer.missing}
        part_hits += len(missing & set(row["missing"]))
        part_found, part_wanted = part_found + len(missing), part_wanted + len(row["missing"])
    suffix = name.removeprefix("replies")
    check(f"reply_findings{suffix}", f1(hits, found, wanted))
    check(f"reply_missing{suffix}", f1(part_hits, part_found, part_wanted))


Cards = list[tuple[dict[str, Any], CleanText, Any]]


def read_cards(name: str) -> Cards:
    reader = CardReader.from_file()
    rows = read(name)
    clean = clean_texts([row["text"] for row in rows])
    return [
        (row, c, reader.read(c.folded, datetime.fromisoformat(row["received_at"])))
        for row, c in zip(rows, clean, strict=True)
    ]


@pytest.fixture(scope="module")
def cards() -> Cards:
    return read_cards("card")


@pytest.fixture(scope="module")
def cards_dev() -> Cards:
    return read_cards("card_dev")


@pytest.mark.parametrize("field", ["amounts", "moments"])
def test_card_spans(field: str, cards: Cards):
    hits = found = wanted = 0
    for row, clean, card in cards:
        ours = [
            clean.span(item.start, item.end)
            for item in (card.amounts if field == "amounts" else card.when) or ()
        ]
        theirs = places(clean.text, [item["phrase"] for item in row[field]])
        hits += sum(any(overlaps(a, b) for b in ours) for a in theirs)
        found, wanted = found + len(ours), wanted + len(theirs)
    check(f"card_{field}", f1(hits, found, wanted))


def test_card_amount_values(cards: Cards):
    hits = found = wanted = 0
    for row, _, card in cards:
        ours = [None if a.value is None else float(a.value) for a in card.amounts or ()]
        theirs = [item["value"] for item in row["amounts"]]
        found, wanted = found + len(ours), wanted + len(theirs)
        for value in theirs:
            if value in ours:
                ours.remove(value)
                hits += 1
    check("card_amount_values", f1(hits, found, wanted))


def says_same(card: Any, wanted: int | str | None) -> bool:
    """Compare prior contacts; one and some are the same to a handler."""
    ours = card.prior_contacts
    said = None if ours is None else ("some" if ours.count is None else ours.count)
    return said == wanted or {said, wanted} == {1, "some"}


def demands_f1(answers: Iterable[tuple[Any, Iterable[str]]]) -> float:
    hits = found = wanted = 0
    for card, names in answers:
        ours, theirs = {demand.value for demand in card.demands or ()}, set(names) - {"其他"}
        hits, found, wanted = hits + len(ours & theirs), found + len(ours), wanted + len(theirs)
    return f1(hits, found, wanted)


def test_card_prior_contacts(cards: Cards, cards_dev: Cards):
    for rows, suffix in ((cards, ""), (cards_dev, "_dev")):
        right = sum(says_same(card, row["prior_contacts"]) for row, _, card in rows)
        check(f"card_prior_contacts{suffix}", right / len(rows))


def test_card_demands(cards: Cards, cards_dev: Cards):
    for rows, suffix in ((cards, ""), (cards_dev, "_dev")):
        score = demands_f1((card, row["demands"]) for row, _, card in rows)
        check(f"card_demands{suffix}", score)


def test_card_on_real_complaints(measure_data: Path):
    """Spans count characters of the raw text; a real complaint has no date of receipt here."""
    with (measure_data / "complaints_labelled.csv").open(encoding="utf-8", newline="") as file:
        texts = list(csv.DictReader(file))
    reader, received = CardReader.from_file(), datetime(2025, 12, 31, 12)
    rows = read("card_real")
    assert all(texts[row["row"]]["id"] == row["id"] for row in rows), "other data than annotated"
    totals = {"amount": [0, 0, 0], "moment": [0, 0, 0]}
    answers, right = [], 0
    for row in rows:
        raw = texts[row["row"]]["text"]
        clean = clean_texts([raw])[0]
        card = reader.read(clean.folded, received)
        wanted: dict[str, list[Any]] = {kind: [] for kind in (*totals, "demand", "prior_contacts")}
        for kind, start, end, value in row["spans"]:
            wanted[kind].append((start, end) if kind in totals else value)
        shift = raw_places(raw, clean.text)
        for kind, items in (("amount", card.amounts), ("moment", card.when)):
            ours = [clean.span(item.start, item.end) for item in items or ()]
            ours = [(shift[start], shift[end - 1] + 1) for start, end in ours]
            counts = totals[kind]
            counts[0] += sum(any(overlaps(a, b) for b in ours) for a in wanted[kind])
            counts[1] += len(ours)
            counts[2] += len(wanted[kind])
        right += says_same(card, next(iter(wanted["prior_contacts"]), None))
        answers.append((card, wanted["demand"]))
    check("real_card_amounts", f1(*totals["amount"]))
    check("real_card_moments", f1(*totals["moment"]))
    check("real_card_demands", demands_f1(answers))
    check("real_card_prior_contacts", right / len(rows))


def raw_places(raw: str, masked: str) -> list[int]:
    """Say where in the raw text each character of the masked text stands."""
    places = list(range(len(masked)))
    blocks = SequenceMatcher(None, raw, masked, autojunk=False).get_opcodes()
    for _, start, end, first, last in blocks:
        for at in range(first, last):
            places[at] = min(start + at - first, max(start, end - 1))
    return places
