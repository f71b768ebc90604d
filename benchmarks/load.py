"""A small HTTP load generator, run as a process of its own: closed and open loop.

It speaks just enough HTTP/1.1 to cost the machine little: on two cores, what the generator takes
is missing to the service.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Plan:
    """What to send.

    `rate` is requests per second of the open loop; 0 is the closed loop, in which each client
    sends its next request when the last one is answered.
    """

    port: int
    key: str
    path: str
    bodies: str
    clients: int
    seconds: float
    rate: float = 0.0
    warm_up_seconds: float = 1.0
    method: str = "POST"


@dataclass
class Outcome:
    """What came of it; times in milliseconds, in the open loop from the intended start."""

    sent: int = 0
    requests: int = 0
    failed: int = 0
    seconds: float = 0.0
    times_ms: list[float] = field(default_factory=list)


class Client:
    """One connection."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.plan, self.number = plan, number

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.plan.port)

    async def send(self, target: str, body: bytes) -> int:
        head = (
            f"{self.plan.method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self.plan.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        header = await self.reader.readuntil(b"\r\n\r\n")
        status = int(header[9:12])
        for line in header.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                await self.reader.readexactly(int(line.split(b":")[1]))
        return status


async def run(plan: Plan) -> Outcome:
    lines = Path(plan.bodies).read_bytes().splitlines()
    outcome = Outcome()
    clients = [Client(plan, i) for i in range(plan.clients)]
    for client in clients:
        await client.connect()
    start = time.perf_counter()
    measure_from, end = start + plan.warm_up_seconds, start + plan.warm_up_seconds + plan.seconds
    step = plan.clients / plan.rate if plan.rate else 0.0

    async def work(client: Client) -> None:
        n = client.number
        intended = start + (step * client.number / plan.clients if step else 0.0)
        while True:
            if step:
                await asyncio.sleep(max(0.0, intended - time.perf_counter()))
            begun = intended if step else time.perf_counter()
            if begun >= end:
                return
            line = lines[n % len(lines)]
            get = plan.method == "GET"
            status = await client.send(
                plan.path + line.decode() if get else plan.path, b"" if get else line
            )
            now = time.perf_counter()
            outcome.sent += 1
            if begun >= measure_from and now <= end + 30:
                outcome.requests += 1
                outcome.failed += status not in (200, 201)
                outcome.times_ms.append((now - begun) * 1000)
            n += plan.clients
            intended += step

    await asyncio.gather(*(work(client) for client in clients))
    outcome.seconds = max(plan.seconds, time.perf_counter() - measure_from)
    return outcome


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Plan(**json.loads(sys.argv[1])))))))
