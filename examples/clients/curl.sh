#!/usr/bin/env bash
# Hand in one complaint. Needs TRIAGE_URL and TRIAGE_KEY; the same external_id again is safe.
set -euo pipefail
curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
  "${TRIAGE_URL:-http://127.0.0.1:8000}/v1/complaints" \
  --header "Authorization: Bearer $TRIAGE_KEY" \
  --header "Content-Type: application/json" \
  --data '{
    "text": "空调装好三天就不制冷，打了五次客服没人管，再不退款我就去12315投诉",
    "external_id": "CRM-20261122-0042",
    "channel": "电话",
    "sector": "电商",
    "region": "浙江省杭州市"
  }'
