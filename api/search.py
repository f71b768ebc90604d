"""Full-text search for Chinese: overlapping pairs of characters, on both databases.

Pairs need no dictionary, so that a word is found however a segmenter would have cut its
surroundings, and two-character words, which trigram indexes miss, are one look-up.
"""

import re

from sqlalchemy import ColumnElement, Connection, TableClause, cast, column, table
from sqlalchemy import text as statement
from sqlalchemy.dialects.postgresql import TSQUERY

from triage.text import normalize

RUN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+|[a-z0-9]+")
MAX_QUERY_TERMS = 64
MAX_POSITION = 16_383
"""Where PostgreSQL stops to count positions."""

words: TableClause = table("complaint_words", column("rowid"), column("seq"), column("words"))


def index_terms(folded: str) -> list[str]:
    """Give the terms of a folded text.

    Examples
    --------
    >>> index_terms("要求退款,Wi-Fi 5G")
    ['要求', '求退', '退款', '款', 'wi', 'fi', '5g']
    """
    terms: list[str] = []
    for run in RUN.findall(folded.casefold()):
        if run[0].isascii():
            terms.append(run)
        else:
            # The last character stands alone, so that one character can be looked up by prefix.
            terms += [run[i : i + 2] for i in range(len(run))]
    return terms


def query_terms(query: str) -> list[str]:
    """Give the terms that a text must hold, in this order, to match a query.

    Examples
    --------
    >>> query_terms("退款"), query_terms("全額退款"), query_terms("退")
    (['退款'], ['全额', '额退', '退款'], ['退'])
    """
    terms: list[str] = []
    for run in RUN.findall(normalize(query).casefold()):
        if run[0].isascii() or len(run) == 1:
            terms.append(run)
        else:
            terms += [run[i : i + 2] for i in range(len(run) - 1)]
    return terms[:MAX_QUERY_TERMS]


def runs_of(query: str) -> list[list[str]]:
    """Give the terms of each run of a query: a text must hold all runs, each without a gap."""
    return [query_terms(run) for run in RUN.findall(normalize(query).casefold())[:MAX_QUERY_TERMS]]


def add_words(connection: Connection, rows: list[tuple[str, str]]) -> None:
    """Index complaints by id and folded text."""
    if connection.dialect.name == "sqlite":
        values = [{"id": id_, "words": " ".join(index_terms(folded))} for id_, folded in rows]
        connection.execute(_ADD_SQLITE, values)
    else:
        values = [{"id": id_, "words": as_vector(index_terms(folded))} for id_, folded in rows]
        connection.execute(_ADD_POSTGRESQL, values)


def remove_words(connection: Connection, seqs: list[int]) -> None:
    """Remove complaints from the index."""
    key = "rowid" if connection.dialect.name == "sqlite" else "seq"
    delete = statement(f"DELETE FROM complaint_words WHERE {key} = :seq")  # noqa: S608
    connection.execute(delete, [{"seq": seq} for seq in seqs])


def key_of(connection: Connection) -> ColumnElement[int]:
    """Give the column of the index that names the complaint."""
    key: ColumnElement[int] = words.c["rowid" if connection.dialect.name == "sqlite" else "seq"]
    return key


def matches(connection: Connection, query: str) -> ColumnElement[bool] | None:
    """Give the condition that the index row matches a query; None where the query says nothing."""
    runs = runs_of(query)
    if not runs:
        return None
    if connection.dialect.name == "sqlite":
        phrases = (
            f'"{run[0]}"*' if len(run) == 1 and len(run[0]) == 1 else '"' + " ".join(run) + '"'
            for run in runs
        )
        found: ColumnElement[bool] = words.c.words.op("MATCH")(" AND ".join(phrases))
        return found
    phrases = (
        f"{run[0]}:*" if len(run) == 1 and len(run[0]) == 1 else " <-> ".join(run) for run in runs
    )
    wanted = cast(" & ".join(f"({phrase})" for phrase in phrases), TSQUERY)
    condition: ColumnElement[bool] = words.c.words.op("@@")(wanted)
    return condition


def as_vector(terms: list[str]) -> str:
    """Write terms as a tsvector, past PostgreSQL's parser, whose cuts depend on the locale.

    Examples
    --------
    >>> as_vector(["退款", "款"])
    '退款:1 款:2'
    """
    return " ".join(f"{term}:{min(i, MAX_POSITION)}" for i, term in enumerate(terms, start=1))


_ADD_SQLITE = statement(
    "INSERT INTO complaint_words (rowid, words) SELECT seq, :words FROM complaints WHERE id = :id"
)
_ADD_POSTGRESQL = statement(
    "INSERT INTO complaint_words (seq, words) "
    "SELECT seq, CAST(:words AS tsvector) FROM complaints WHERE id = :id"
)
