# The service alone: no PostgreSQL, no demo, no build tools. Kubernetes probes ask the operations port, so there is
# no HEALTHCHECK.
FROM python:3.11-slim AS packages
WORKDIR /build
# With --build-arg MORE=requirements/tracing.txt the image can send traces.
ARG MORE=requirements.txt
COPY requirements.txt ./
COPY requirements/tracing.txt requirements/
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --no-input --disable-pip-version-check --require-hashes \
        -r requirements.txt -r "$MORE" \
    && /venv/bin/pip uninstall --yes setuptools pip

# An init passes signals on: the kernel drops a SIGTERM that the first process has no handler for yet.
FROM python:3.11-slim AS init
RUN apt-get update \
    && apt-get install --yes --no-install-recommends "tini=0.19.*" \
    && rm -rf /var/lib/apt/lists/*

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
# With --build-arg COMMIT=$(git rev-parse HEAD) the log and the metrics say which commit runs.
ARG COMMIT=
ENV SOURCE_COMMIT=$COMMIT
COPY --from=packages /venv /venv
COPY --from=init /usr/bin/tini /usr/bin/tini
COPY app.py wsgi.py ./
COPY config config
COPY schemas schemas
COPY tickiti_query tickiti_query
# nobody: a number, so that Kubernetes can see that it is not root
USER 65534:65534
EXPOSE 8080 9090
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"]
