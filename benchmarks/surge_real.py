"""Early warning on a year of messages to a city (SURGE.md 3.5).

Run: python benchmarks/surge_real.py [--shuffles A,B,…] [--planted N --first-seed S] [--json]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from surge_report import Row, print_report, show_progress

from triage.alerts import Alert
from triage.replay import TopicMembers, read_time, replay
from triage.surge import IncomingComplaint, SurgeMonitor
from triage.topic_features import bigram_terms

LEAST_COSINE = 0.05
"""Of 100 pairs of messages drawn at random, not one has so large a cosine."""

BURSTS = ("yijingyuan_binhe_parking", "lifa_xincheng_mixing_station")
WARM_UP = timedelta(days=30)


def read_stream(home: Path) -> list[IncomingComplaint]:
    """Read the messages; an id is the 0-based data row."""
    with gzip.open(home / "hotline_stream_2019.csv.gz", "rt", encoding="utf-8") as file:
        return [
            IncomingComplaint(
                str(row),
                read_time(line["time"], row=row),
                line["text"],
                line["customer"],
                {"region": line["region"]} if line["region"] else {},
            )
            for row, line in enumerate(csv.DictReader(file))
        ]


def read_issues(home: Path) -> dict[str, set[str]]:
    """Read the known issues as sets of data rows."""
    with gzip.open(home / "hotline_stream_2019.csv.gz", "rt", encoding="utf-8") as file:
        row_of = {line["id"]: str(row) for row, line in enumerate(csv.DictReader(file))}
    issues: dict[str, set[str]] = defaultdict(set)
    with (home / "hotline_stream_issues.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["id"] in row_of:
                issues[line["issue"]].add(row_of[line["id"]])
    return dict(issues)


def run(stream: Sequence[IncomingComplaint]) -> tuple[list[Alert], list[set[str]]]:
    """Replay a stream; alerts after the warm-up, and the members of every topic."""
    monitor, members = SurgeMonitor(), TopicMembers()
    alerts = list(replay(stream, monitor, topics=members))
    first = min(complaint.at for complaint in stream)
    kept = [a for a in alerts if a.opened_at >= (first + WARM_UP).timestamp()]
    return kept, [set(topic.members) for topic in members.listed(monitor)]


def message_at_open(alerts: Sequence[Alert], members: set[str]) -> float:
    """Return at which message of an issue its first alert opened, infinity for none."""
    best = np.inf
    for alert in alerts:
        at_open = members.intersection(alert.members_at_open)
        if len(at_open) >= max(3, len(alert.members_at_open) // 2):
            last = max(int(row) for row in alert.members_at_open)
            best = min(best, sum(int(row) <= last for row in members))
    return float(best)


def best_f1(topics: Sequence[set[str]], members: set[str]) -> float:
    """Return the F1 of the topic that matches an issue best."""
    return max(2 * len(topic & members) / (len(topic) + len(members)) for topic in topics)


def shuffle(stream: Sequence[IncomingComplaint], seed: int) -> list[IncomingComplaint]:
    """Exchange times among complaints of the same weekday and hour."""
    rng = np.random.default_rng(seed)
    slots: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, complaint in enumerate(stream):
        slots[complaint.at.weekday(), complaint.at.hour].append(place)
    times = [complaint.at for complaint in stream]
    for places in slots.values():
        for place, source in zip(places, rng.permutation(places), strict=True):
            times[place] = stream[source].at
    return [replace(c, at=at) for c, at in zip(stream, times, strict=True)]


def similarities(stream: Sequence[IncomingComplaint]) -> csr_matrix:
    """Return cosines of TF-IDF bigrams between all messages, to find narrow subjects with."""
    terms = [bigram_terms(complaint.text) for complaint in stream]
    names = {term: k for k, term in enumerate(dict.fromkeys(t for row in terms for t in row))}
    rows = np.repeat(np.arange(len(terms)), [len(row) for row in terms])
    columns = np.array([names[term] for row in terms for term in row])
    table = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(terms), len(names)))
    idf = np.log(len(terms) / np.asarray((table > 0).sum(axis=0)).ravel())
    table = table.multiply(idf).tocsr()
    norm = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    table = csr_matrix(table.multiply(1.0 / np.maximum(norm, 1e-9)[:, None]))
    return csr_matrix(table @ table.T)


def narrow_subjects(
    stream: Sequence[IncomingComplaint], cosines: csr_matrix, issues: Mapping[str, set[str]]
) -> list[list[int]]:
    """List narrow subjects of eight or more messages by different customers.

    They are the known issues, and messages that share four signs within their first sixty, such as
    the name of an estate, whose median cosine is `LEAST_COSINE` or more and that are part of no
    other subject. The median, for two copies of one letter make no narrow subject of the others.
    """
    sharing: dict[str, dict[str | None, int]] = defaultdict(dict)
    for place, complaint in enumerate(stream):
        opening = complaint.text[:60]
        for start in range(len(opening) - 3):
            if opening[start : start + 4].isalnum():
                group = sharing[opening[start : start + 4]]
                group.setdefault(complaint.customer, place)
    subjects = []
    for members in issues.values():
        one_each = {stream[int(row)].customer: int(row) for row in sorted(members, key=int)}
        subjects.append(sorted(one_each.values()))
    found = []
    for name, by_customer in sharing.items():
        places = sorted(by_customer.values())
        if 8 <= len(places) <= 60:
            block = cosines[places][:, places]
            middle = float(np.median(block.toarray()[np.triu_indices(len(places), 1)]))
            if middle >= LEAST_COSINE:
                found.append((-middle, name, places))
    for _, _, places in sorted(found):
        if all(len(set(places) & set(other)) < 0.3 * len(places) for other in subjects):
            subjects.append(places)
    return subjects


def plant(
    stream: Sequence[IncomingComplaint], subjects: Sequence[Sequence[int]], seed: int
) -> tuple[list[IncomingComplaint], list[str]]:
    """Move 8 to 30 messages of one narrow subject into 2 to 10 days; return them in order."""
    rng = np.random.default_rng(seed)
    subject = subjects[int(rng.integers(len(subjects)))]
    places = rng.permutation(subject)[: int(rng.integers(8, 31))]
    first = min(complaint.at for complaint in stream) + WARM_UP
    last = max(complaint.at for complaint in stream) - timedelta(days=10)
    begin = first + timedelta(seconds=float(rng.uniform(0, (last - first).total_seconds())))
    length = float(rng.uniform(2, 10)) * 86_400
    offsets = np.sort(rng.uniform(0, length, len(places)))
    moved = {
        str(place): begin + timedelta(seconds=float(offset))
        for place, offset in zip(rng.permutation(places), offsets, strict=True)
    }
    planted = [replace(c, at=moved.get(c.complaint_id, c.at)) for c in stream]
    return planted, sorted(moved, key=lambda row: moved[row])


def is_found(alerts: Sequence[Alert], planted: Sequence[str], at: datetime) -> bool:
    """Tell whether an alert of mostly planted messages opened by a time."""
    members = set(planted)
    return any(
        len(members.intersection(alert.members_at_open)) >= max(3, len(alert.members_at_open) / 2)
        for alert in alerts
        if alert.opened_at <= at.timestamp()
    )


def naive_alerts(
    stream: Sequence[IncomingComplaint], topics: Sequence[set[str]]
) -> tuple[int, int]:
    """Count the alerts of two home-made rules over the same topics."""
    place = {complaint.complaint_id: complaint.at for complaint in stream}
    first = min(place.values())
    n_week = n_day = 0
    for topic in topics:
        days = np.sort([(place[key] - first).total_seconds() / 86_400 for key in topic])
        n_week += _episodes(
            [
                d
                for d in days
                if d > 30
                and _in(days, d - 7, d) >= 3
                and _in(days, d - 7, d) > 2 * 7 * _in(days, 0, d) / max(d, 7)
            ],
            30,
        )
        n_day += _episodes([d for d in days if d > 30 and _in(days, d - 1, d) >= 3], 30)
    return n_week, n_day


def _in(days: NDArray[np.float64], low: float, high: float) -> int:
    return int(np.searchsorted(days, high, "right") - np.searchsorted(days, low, "right"))


def _episodes(days: Sequence[float], gap: float) -> int:
    return sum(1 for k, day in enumerate(days) if k == 0 or day - days[k - 1] > gap)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="list the alerts, without any text")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    home = Path(os.environ.get("TRIAGE_MEASURE_DATA", "../shared/data"))
    if not (home / "hotline_stream_2019.csv.gz").exists():
        raise SystemExit(f"skipped: no hotline_stream_2019.csv.gz in {home} (TRIAGE_MEASURE_DATA)")
    stream, issues = read_stream(home), read_issues(home)
    alerts, topics = run(stream)
    if options.show:
        for alert in alerts:
            struck = {k: len(v.intersection(alert.members)) for k, v in issues.items()}
            print(
                datetime.fromtimestamp(alert.opened_at).date(),
                alert.kind,
                alert.level,
                alert.group,
                len(alert.members_at_open),
                len(alert.members),
                {k: n for k, n in struck.items() if n},
            )
    figures = {"alerts": float(len(alerts))}
    for name in BURSTS:
        figures[f"{name}: message"] = message_at_open(alerts, issues[name])
        figures[f"{name}: F1"] = best_f1(topics, issues[name])
    figures["mean F1"] = float(np.mean([best_f1(topics, members) for members in issues.values()]))
    seeds = range(options.first_seed, options.first_seed + options.shuffles)
    weeks = (max(c.at for c in stream) - min(c.at for c in stream) - WARM_UP).days / 7
    false = []
    for seed in seeds:
        show_progress("shuffled streams", len(false), len(seeds))
        false.append(len(run(shuffle(stream, seed))[0]))
    if false:
        figures["shuffled: alerts per 10 weeks"] = float(10 * np.mean(false) / weeks)
    if options.planted:
        subjects = narrow_subjects(stream, similarities(stream), issues)
        found = []
        for seed in range(options.first_seed, options.first_seed + options.planted):
            planted, order = plant(stream, subjects, seed)
            at = next(c.at for c in planted if c.complaint_id == order[7])
            before = [complaint for complaint in planted if complaint.at <= at]
            found.append(is_found(run(before)[0], order, at))
            show_progress("planted surges", len(found), options.planted)
            if options.show:
                print(seed, len(order), found[-1])
        figures["planted: POD by the 8th"] = float(np.mean(found))
        figures["planted: subjects"] = float(len(subjects))
    n_week, n_day = naive_alerts(stream, topics)
    rows = [
        Row("this service", figures),
        Row("7 d >= 3 and > 2 x mean, same topics", {"alerts": n_week}),
        Row(">= 3 a day, same topics", {"alerts": n_day}),
    ]
    reach = {
        "alerts": 10.0,
        "mean F1": 0.78,
        "shuffled: alerts per 10 weeks": 1.0,
        "planted: POD by the 8th": 0.80,
    }
    reach |= {f"{name}: message": 10.0 for name in BURSTS} | {
        f"{name}: F1": 0.95 for name in BURSTS
    }
    print_report(
        "surge_real",
        rows,
        reach=Row("reach", reach),
        as_json=options.json,
        held_constant={
            "data": f"hotline_stream_2019.csv.gz, {len(stream)} messages",
            "seeds": f"from {options.first_seed}",
        },
    )


if __name__ == "__main__":
    main()
