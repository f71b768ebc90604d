"""Hand in one complaint and print what to do. Needs httpx, TRIAGE_URL and TRIAGE_KEY."""

import os
import time

import httpx

URL = os.environ.get("TRIAGE_URL", "http://127.0.0.1:8000")
KEY = os.environ["TRIAGE_KEY"]


def post_complaint(client: httpx.Client, complaint: dict) -> dict:
    """Post until it is stored; with an external_id a repeat makes no second complaint."""
    for attempt in range(6):
        try:
            answer = client.post("/v1/complaints", json=complaint)
        except httpx.TransportError:
            time.sleep(2**attempt / 10)
            continue
        if answer.status_code in (429, 503):
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            continue
        answer.raise_for_status()  # 409 and 422 say what is wrong; another try would not help
        return answer.json()
    raise SystemExit("the service does not answer")


def main() -> None:
    complaint = {
        "text": "快递显示已签收，可我根本没收到，驿站说没有，投诉两次都没人回",
        "external_id": "SHOP-7781",
        "channel": "在线",
        "sector": "快递",
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=URL, headers=headers, timeout=30) as client:
        triage = post_complaint(client, complaint)
    for task in ("category", "motive", "urgency"):
        found = triage[task]
        print(f"{task}: {found['name']} ({found['confidence']:.0%}, {found['decision']})")
    for step in triage["steps"]:
        print(f"{step['order']}. {step['action']} ({step['role']}, {step['due_at']})")
    for deadline in triage["deadlines"]:
        print(f"{deadline['due_at']} {deadline['what']} ({deadline['article']})")


if __name__ == "__main__":
    main()
