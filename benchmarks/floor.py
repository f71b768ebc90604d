"""The floor of benchmarks/service.py: validates the same body and inserts the row, no more."""

import os
from datetime import UTC, datetime

from fastapi import FastAPI
from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text, insert

from api.database import Database
from api.schemas import ComplaintIn

metadata = MetaData()
rows = Table(
    "floor",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("external_id", String(200)),
    Column("received_at", DateTime(timezone=True)),
    Column("text", Text),
)


def create_app() -> FastAPI:
    database = Database(os.environ["TRIAGE_DATABASE_URL"])
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/health/ready")
    def ready() -> dict:
        with database.write() as connection:
            metadata.create_all(connection)
        return {}

    @app.post("/v1/complaints", status_code=201)
    def create(complaint: ComplaintIn) -> dict:
        row = {
            "external_id": complaint.external_id,
            "received_at": datetime.now(UTC),
            "text": complaint.text,
        }
        with database.write() as connection:
            key = connection.execute(insert(rows), row).inserted_primary_key
        return {"id": key[0] if key else None}

    return app
