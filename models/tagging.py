"""Tagging a table: every row answered, in order, in bounded memory, on one core or many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from models.registry import Registry
from models.tables import Row
from triage.complaint import Triage
from triage.errors import TableError
from triage.flags import FlagRules
from triage.taxonomy import TASKS, Taxonomy
from triage.triager import Triager

CHUNK_ROWS = 512
MAX_TEXT_CHARS = 100_000
EVIDENCE = "_evidence"
"""Beside the columns: the words that carried each task, for whoever shows the row to people."""


@dataclass(frozen=True, slots=True)
class Tagger:
    """Tags rows with one version of a registry.

    Attributes
    ----------
    root, version
        Where the model is; each worker loads it once.
    text_column : str
    """

    root: Path
    version: str
    text_column: str

    def columns(self, input_columns: Sequence[str], taxonomy: Taxonomy) -> list[str]:
        """Give the output columns: the input's, renamed where they clash, then ours."""
        ours = output_columns(taxonomy)
        return [f"input_{c}" if c in ours else c for c in input_columns] + ours

    def tag(
        self, rows: Iterable[Row], *, workers: int = 1, scheduler: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Tag rows.

        Parameters
        ----------
        rows : iterable of Row
            Read as needed, a few chunks ahead.
        workers : int
            Processes; 1 works in this one.
        scheduler : str, optional
            Address of a Dask scheduler, whose workers must see the registry folder.

        Yields
        ------
        dict
            One for each row, in order; a row without usable text has `error` and no labels.
        """
        chunks = _chunks(rows)
        if scheduler:
            results = self._on_cluster(chunks, scheduler)
        elif workers > 1:
            from joblib import Parallel, delayed

            parallel = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=2 * workers)
            results = parallel(
                delayed(tag_chunk)(self.root, self.version, self.text_column, chunk)
                for chunk in chunks
            )
        else:
            results = (
                tag_chunk(self.root, self.version, self.text_column, chunk) for chunk in chunks
            )
        yield from chain.from_iterable(results)

    def _on_cluster(
        self, chunks: Iterator[list[Row]], address: str
    ) -> Iterator[list[dict[str, Any]]]:
        try:
            from distributed import Client
        except ImportError as error:
            raise TableError(
                "--scheduler needs Dask: install it with `pip install 'complaint-triage[dask]'`"
            ) from error
        with Client(address, set_as_default=False) as client:
            ahead = 2 * max(1, sum(client.ncores().values()))

            def submit(chunk: list[Row]) -> Future[list[dict[str, Any]]]:
                future: Future[list[dict[str, Any]]] = client.submit(
                    tag_chunk, self.root, self.version, self.text_column, chunk, pure=False
                )
                return future

            yield from _in_order(chunks, submit, ahead)


def output_columns(taxonomy: Taxonomy) -> list[str]:
    """Give the columns that tagging adds for the tasks of a model."""
    tasks = [task.id for task in taxonomy.tasks]
    labels = [c for t in tasks for c in (t, f"{t}_confidence", f"{t}_decision")]
    return [*labels, "flags", "error"]


def tag_chunk(root: Path, version: str, text_column: str, rows: list[Row]) -> list[dict[str, Any]]:
    """Tag a chunk of rows; runs in whichever process it is sent to."""
    triager = _triager(root, version)
    texts = [_text(row, text_column) for row in rows]
    errors = [_fault(row, text) for row, text in zip(rows, texts, strict=True)]
    good = [i for i, error in enumerate(errors) if error is None]
    answers = iter(triager.triage([texts[i][:MAX_TEXT_CHARS] for i in good]))
    ours = output_columns(triager.predictor.taxonomy)
    tagged = []
    for row, error in zip(rows, errors, strict=True):
        values = {(f"input_{c}" if c in ours else c): v for c, v in row.values.items()}
        values |= _flat(next(answers)) if error is None else dict.fromkeys(ours, None)
        values["error"] = error
        tagged.append(values)
    return tagged


def _flat(triage: Triage) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for task in TASKS:
        prediction = triage.predictions.of(task)
        if prediction:
            values[task] = prediction.label
            values[f"{task}_confidence"] = round(prediction.confidence, 4)
            values[f"{task}_decision"] = prediction.decision
    values[EVIDENCE] = {
        task: [item.term for item in prediction.evidence]
        for task in TASKS
        if (prediction := triage.predictions.of(task))
    }
    values["flags"] = ";".join(sorted({flag.flag for flag in triage.flags}))
    return values


def _text(row: Row, column: str) -> str:
    value = row.values.get(column)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _fault(row: Row, text: str) -> str | None:
    if row.error:
        return row.error
    if not text.strip("\ufeff\u200b \t\r\n\u3000\0\ufffd"):
        return "empty text"
    return None


@lru_cache(maxsize=2)
def _triager(root: Path, version: str) -> Triager:
    return Triager(Registry(root).load(version), FlagRules.from_file())


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk


def _in_order(
    chunks: Iterator[list[Row]],
    submit: Callable[[list[Row]], Future[list[dict[str, Any]]]],
    ahead: int,
) -> Iterator[list[dict[str, Any]]]:
    waiting = [submit(chunk) for chunk in islice(chunks, ahead)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [submit(chunk) for chunk in islice(chunks, 1)]
