from hypothesis import given
from hypothesis import strategies as st

from api.limits import Bucket
from tests.api.conftest import TEXT, Connect


@given(
    st.floats(0.1, 1000),
    st.integers(1, 100),
    st.lists(st.tuples(st.floats(0, 10), st.integers(1, 50)), max_size=30),
)
def test_a_bucket_never_gives_more_than_its_rate_allows(rate: float, size: int, takes: list):
    bucket, now, given_out = Bucket(rate, size, size, 0.0), 0.0, 0
    for wait, wanted in takes:
        now += wait
        given_out += bucket.take(wanted, now)
        assert given_out <= size + rate * now + 1e-6


def test_too_many_requests_are_refused_with_a_time_to_come_back(connect: Connect):
    client = connect(requests_per_second=1, requests_burst=3)
    answers = [client.post("/v1/triage", json={"text": TEXT}) for _ in range(6)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:3] == [200] * 3
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"] == "application/problem+json"


def test_replicas_share_the_rate(connect: Connect, empty_postgresql: str):
    limits = {"requests_per_second": 0.01, "requests_burst": 4}
    replicas = [connect(database_url=empty_postgresql, **limits) for _ in range(2)]
    statuses = [
        replicas[i % 2].post("/v1/triage", json={"text": TEXT}).status_code for i in range(12)
    ]
    assert statuses.count(200) == 4
    assert statuses.count(429) == 8
