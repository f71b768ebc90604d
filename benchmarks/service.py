"""The service under load, next to a floor: a route that validates the same body and stores it.

    python benchmarks/service.py [--seconds 8] [--search-rows 100000] [--memory]

The load comes from a process of its own over loopback. Where there is no PostgreSQL
(TRIAGE_TEST_POSTGRESQL, default postgresql://postgres@127.0.0.1:5432/postgres) its rows are left
out by name. The table goes to standard output and to benchmarks/RESULTS-service.md.
"""

import argparse
import json
import os
import platform
import random
import secrets
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from api.answers import Answered, Answerer, Knowledge, Received
from api.complaints import Marked, insert_answers
from api.database import Database
from api.fingerprints import Fingerprints
from api.ids import new_id
from api.schemas import ComplaintIn
from api.settings import Settings
from models.registry import Registry
from models.terminal import registry_root
from training.data import read_corpus

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS-service.md"
POSTGRESQL = os.environ.get(
    "TRIAGE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
TEXT_CHARS = 200
CLIENTS = 8
QUERIES = (
    "退款",
    "投诉",
    "客服",
    "物业",
    "12315",
    "快递 丢",
    "不给退",
    "漏水",
    "态度恶劣",
    "充电桩",
)


@dataclass
class Load:
    """What one run of the load generator gave."""

    name: str
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: float
    failed: int

    def row(self) -> str:
        return (
            f"| {self.name} | {self.per_second:,.0f} | {self.p50_ms:.1f} | {self.p95_ms:.1f} | "
            f"{self.p99_ms:.1f} | {self.cpu_ms:.2f} | {self.failed} |"
        )


@dataclass
class Server:
    """A running server."""

    port: int
    key: str
    log: Path
    process: subprocess.Popen

    def times_ms(self) -> list[float]:
        """Server times of complaints, from its own log."""
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            if '"route": "/v1/complaints"' in line and '"status": 201' in line:
                found.append(json.loads(line)["elapsed_ms"])
        return found

    def cpu_seconds(self) -> float:
        """Processor time of the server with its workers so far."""
        process = psutil.Process(self.process.pid)
        times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
        return sum(t.user + t.system for t in times)

    def megabytes(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 2**20


def make_texts(n: int) -> list[str]:
    """Cut texts of 200 characters out of the corpus's sentences, no two the same."""
    draw = random.Random(7)
    sentences = [
        s for text in read_corpus().texts for s in text.replace("！", "。").split("。") if s
    ]
    texts = []
    for number in range(n):
        text = f"{number}号。"
        while len(text) < TEXT_CHARS:
            text += draw.choice(sentences) + "。"
        texts.append(text[:TEXT_CHARS])
    return texts


@contextmanager
def postgresql() -> Iterator[str]:
    """Give a PostgreSQL database of our own, and remove it afterwards."""
    import psycopg

    name = f"bench_{secrets.token_hex(4)}"
    try:
        with psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=3) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as error:
        raise ConnectionError(f"no PostgreSQL at {POSTGRESQL}") from error
    try:
        yield POSTGRESQL.rsplit("/", 1)[0] + "/" + name
    finally:
        with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def serve(app: str, url: str, *, workers: int, folder: Path) -> Iterator[Server]:
    """Run a server until it is ready, and stop it afterwards."""
    port, key = random.randint(20_000, 40_000), secrets.token_urlsafe(24)
    log = folder / f"{port}.log"
    environment = {
        **os.environ,
        "TRIAGE_DATABASE_URL": url,
        "TRIAGE_REGISTRY": str(registry_root(None).resolve()),
        "TRIAGE_DEMO_KEY": key,
        "TRIAGE_SECRET": "a secret of the benchmark",
        "TRIAGE_REQUESTS_PER_SECOND": "0",
        "PYTHONPATH": str(ROOT),
    }
    if app == "api.app" and url.startswith("postgresql"):
        with Database(url) as database:
            database.upgrade()
    call = f"run_server('{app}:create_app', host='127.0.0.1', port={port}, workers={workers})"
    command = [sys.executable, "-c", f"from api.serving import run_server; {call}"]
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stderr=file, cwd=ROOT)
    try:
        wait_until_ready(port, log)
        yield Server(port, key, log, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_until_ready(port: int, log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the server did not become ready:\n{log.read_text()[-2000:]}")


def load(name: str, server: Server, bodies: Path, **more: object) -> Load:
    """Run the load generator."""
    plan = {
        "port": server.port, "key": server.key, "path": "/v1/complaints", "bodies": str(bodies),
        "clients": CLIENTS, **more,
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "benchmarks" / "load.py"), json.dumps(plan)]
    before = server.cpu_seconds()
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    cpu_seconds = server.cpu_seconds() - before
    times = sorted(found["times_ms"])

    def at(share: float) -> float:
        return times[min(len(times) - 1, int(len(times) * share))]

    result = Load(
        name,
        len(times) / found["seconds"],
        at(0.5),
        at(0.95),
        at(0.99),
        cpu_seconds * 1000 / found["sent"],
        found["failed"],
    )
    print(result.row(), flush=True)
    return result


def write_bodies(folder: Path, texts: list[str]) -> tuple[Path, Path]:
    """Write the bodies of single complaints and of batches of 500, one a line."""
    single, batch = folder / "single.jsonl", folder / "batch.jsonl"
    items = [{"text": text, "channel": "电话", "region": "浙江省"} for text in texts]
    single.write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in items))
    batches = [items[i : i + 500] for i in range(0, len(items), 500)]
    batch.write_text("\n".join(json.dumps({"items": b}, ensure_ascii=False) for b in batches))
    return single, batch


def measure_database(
    kind: str, url: str, workers: int, folder: Path, bodies: tuple[Path, Path], seconds: float
) -> tuple[list[Load], dict[str, float]]:
    """Measure floor and service on one database with a number of workers."""
    single, batch = bodies
    name = f"{kind}, {workers} worker{'s' if workers > 1 else ''}"
    loads: list[Load] = []
    facts: dict[str, float] = {}
    with serve("benchmarks.floor", url, workers=workers, folder=folder) as server:
        loads.append(load(f"{name}: floor, closed loop", server, single, seconds=seconds))
    with serve("api.app", url, workers=workers, folder=folder) as server:
        load(f"{name}: one client", server, single, seconds=seconds / 2, clients=1)
        facts["unloaded_ms"] = statistics.median(server.times_ms())
        loads.append(load(f"{name}: service, closed loop", server, single, seconds=seconds))
        half = loads[1].per_second / 2
        loads.append(
            load(f"{name}: service, open loop at {half:,.0f}/s", server, single,
                 seconds=seconds, rate=half, clients=64)
        )  # fmt: skip
        loads.append(
            load(f"{name}: batches of 500", server, batch, path="/v1/complaints/batch",
                 clients=2, seconds=seconds, warm_up_seconds=0)
        )  # fmt: skip
    facts["share"] = loads[1].per_second / loads[0].per_second
    facts["cpu_share"] = loads[0].cpu_ms / loads[1].cpu_ms
    facts["p99_ratio"] = loads[1].p99_ms / loads[0].p99_ms
    facts["batch_per_second"] = loads[3].per_second * 500
    return loads, facts


def fill(url: str, texts: list[str], n_rows: int) -> None:
    """Store many complaints with the answers of some: only their texts matter for the search."""
    settings = Settings(database_url=url, registry=registry_root(None))
    registry = Registry(registry_root(None))
    answerer = Answerer(registry.load(), Knowledge.from_settings(settings), settings)
    marks = Fingerprints(b"a secret of the benchmark")
    now = datetime.now().astimezone()
    some = answerer.answer([Received(ComplaintIn(text=t), now, "") for t in texts[:200]])
    draw = random.Random(11)
    with Database(url) as database:
        database.upgrade()
        for start in range(0, n_rows, 1000):
            rows = []
            for _ in range(start, min(n_rows, start + 1000)):
                text = draw.choice(texts)[: TEXT_CHARS // 2] + draw.choice(texts)[TEXT_CHARS // 2 :]
                one, id_ = draw.choice(some), new_id()
                values = {**one.values, "id": id_, "text": text}
                received = Received(ComplaintIn(text=text, unit=draw.choice("甲乙丙")), now, id_)
                marked = Marked(received, "bench", marks.of_text(text), None)
                rows.append((marked, Answered(values, text, one.first_response_due_at)))
            with database.write() as connection:
                insert_answers(connection, rows, 0.0)
        if not database.is_sqlite:
            # What autovacuum does within a minute of so many rows.
            with database.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("VACUUM ANALYZE")


def measure_search(kind: str, url: str, folder: Path, texts: list[str], n_rows: int) -> Load:
    """Search among many complaints: one client, each query in turn, first page of 50."""
    fill(url, texts, n_rows)
    queries = folder / "queries.txt"
    queries.write_text("\n".join(urllib.request.quote(query) for query in QUERIES))
    with serve("api.app", url, workers=1, folder=folder) as server:
        return load(
            f"{kind}: search in {n_rows:,}", server, queries, path="/v1/complaints?q=",
            method="GET", clients=1, seconds=6,
        )  # fmt: skip


def measure_memory(folder: Path, batch: Path) -> str:
    """Store 200 000 complaints in one worker; compare memory after 20 000 and at the end."""
    url = f"sqlite:///{folder / 'memory.sqlite'}"
    lines = batch.read_bytes().splitlines()
    marks: dict[int, float] = {}
    with serve("api.app", url, workers=1, folder=folder) as server:
        for n_sent in range(500, 200_001, 500):
            request = urllib.request.Request(
                f"http://127.0.0.1:{server.port}/v1/complaints/batch",
                data=lines[(n_sent // 500) % len(lines)],
                headers={
                    "Authorization": f"Bearer {server.key}", "Content-Type": "application/json"
                },
            )  # fmt: skip
            with urllib.request.urlopen(request) as answer:
                answer.read()
            if n_sent in (20_000, 100_000, 200_000):
                marks[n_sent] = server.megabytes()
    ratio = marks[200_000] / marks[20_000]
    shown = ", ".join(f"{n:,}: {mb:.0f} MB" for n, mb in marks.items())
    return f"memory of one worker after {shown} (last to first {ratio:.3f}; reach ≤ 1.10)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--search-rows", type=int, default=100_000)
    parser.add_argument("--memory", action="store_true", help="also store 200 000 complaints")
    parser.add_argument("--only", help="one of sqlite-1 sqlite-2 postgresql-1 postgresql-2 search")
    options = parser.parse_args()
    texts = make_texts(6000)
    loads: list[Load] = []
    notes: list[str] = []
    print("| run | requests/s | p50 ms | p95 ms | p99 ms | CPU ms | failed |")
    print("|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bodies = write_bodies(folder, texts)
        for kind in ("SQLite", "PostgreSQL"):
            for workers in (1, 2):
                if options.only not in (None, f"{kind.lower()}-{workers}"):
                    continue
                try:
                    with ExitStack() as own:
                        url = (
                            f"sqlite:///{folder / f'{workers}.sqlite'}"
                            if kind == "SQLite"
                            else own.enter_context(postgresql())
                        )
                        found, facts = measure_database(
                            kind, url, workers, folder, bodies, options.seconds
                        )
                except (ImportError, ConnectionError) as error:
                    notes.append(f"{kind}, {workers} worker(s): left out ({error})")
                    continue
                loads += found
                notes.append(
                    f"{kind}, {workers} worker(s): {facts['share']:.2f} of the floor "
                    f"(reach ≥ 0.40; by processor time {facts['cpu_share']:.2f}), "
                    f"p99 {facts['p99_ratio']:.1f} × the floor's (reach ≤ 4), "
                    f"one unloaded request {facts['unloaded_ms']:.2f} ms server time (reach ≤ 4), "
                    f"batches {facts['batch_per_second']:,.0f} complaints/s (reach ≥ 800)"
                )
                print(notes[-1], flush=True)
        if options.only in (None, "search"):
            for kind in ("SQLite", "PostgreSQL"):
                try:
                    with ExitStack() as own:
                        url = (
                            f"sqlite:///{folder / 'search.sqlite'}"
                            if kind == "SQLite"
                            else own.enter_context(postgresql())
                        )
                        loads.append(measure_search(kind, url, folder, texts, options.search_rows))
                except (ImportError, ConnectionError) as error:
                    notes.append(f"{kind}: search left out ({error})")
                    continue
                notes.append(f"{kind}: search p95 {loads[-1].p95_ms:.1f} ms (reach ≤ 100)")
        if options.memory:
            notes.append(measure_memory(folder, bodies[1]))
    report = render(loads, notes)
    print("\n" + report)
    if options.only is None:
        RESULTS.write_text(report, encoding="utf-8")


def render(loads: list[Load], notes: list[str]) -> str:
    command = "python " + shlex.join(sys.argv)
    machine = f"{platform.machine()}, {os.cpu_count()} cores shared with the load generator"
    lines = [
        "# Service under load",
        "",
        f"Held constant: {machine}, Python {platform.python_version()}, {platform.system()}; "
        f"texts of {TEXT_CHARS} characters, no two the same; {CLIENTS} clients in the closed loop; "
        "SQLite in WAL mode with synchronous=FULL for floor and service alike; rate limit off. "
        "Times are seen by the client, in the open loop from the intended start. The floor "
        "validates the same body and inserts one row with SQLAlchemy, in the same run. CPU ms is "
        "the processor time of the server for one request: it says what a quiet machine would do "
        "where others share this one.",
        "",
        f"`{command}`, {datetime.now():%Y-%m-%d %H:%M}",
        "",
        "| run | requests/s | p50 ms | p95 ms | p99 ms | CPU ms | failed |",
        "|---|---|---|---|---|---|---|",
        *(found.row() for found in loads),
        "",
        *(f"- {note}" for note in notes),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
