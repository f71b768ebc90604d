# Two stages: the first builds an environment with a trained model, the second only runs it.
# No network is needed at run time; nothing runs as root.
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY triage triage
COPY models models
COPY training training
COPY api api
RUN /venv/bin/pip install --no-cache-dir --constraint requirements.lock . \
 && TRIAGE_REGISTRY=/registry /venv/bin/triage train

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home triage \
 && mkdir /data && chown triage:triage /data
COPY --from=build /venv /venv
COPY --from=build --chown=triage:triage /registry /registry
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRIAGE_REGISTRY=/registry \
    TRIAGE_DATABASE_URL=sqlite:////data/triage.sqlite \
    TRIAGE_DRAIN_SECONDS=5
USER triage
WORKDIR /data
VOLUME ["/data", "/registry"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"
CMD ["triage", "serve", "--host", "0.0.0.0", "--port", "8000"]
