# The base is named by version, not by digest: a digest differs per platform and has to be moved by a machine that can
# see new ones. What is installed on top is pinned by hash.
ARG BASE=python:3.13-slim

# hadolint ignore=DL3006
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements-build.lock requirements-runtime.lock ./
RUN python -m venv /tmp/backend && /tmp/backend/bin/pip install --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip /opt/passhub \
    && python -m pip --python /opt/passhub/bin/python install --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY hub hub
COPY migrations migrations
COPY dashboards dashboards
RUN /tmp/backend/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && python -m pip --python /opt/passhub/bin/python install --no-deps /tmp/wheel/*.whl

# hadolint ignore=DL3006
FROM ${BASE}
RUN groupadd --gid 10001 passhub \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin passhub \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/passhub
COPY --from=build /opt/passhub /opt/passhub
ENV PATH=/opt/passhub/bin:$PATH PYTHONUNBUFFERED=1 HUB_HOST=0.0.0.0 HUB_JOURNAL_DIR=/var/lib/passhub
USER 10001:10001
WORKDIR /var/lib/passhub
# The journal holds answers that PostgreSQL does not have yet: it has to outlive the container.
VOLUME /var/lib/passhub
EXPOSE 8080
# Ready: the index is loaded and the journal can be written. No proxy is asked on the way to oneself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["python", "-c", "import os, ssl, urllib.request as r; scheme = 'https' if os.environ.get('HUB_TLS_CERT') else 'http'; r.build_opener(r.ProxyHandler({}), r.HTTPSHandler(context=ssl._create_unverified_context())).open(scheme + '://127.0.0.1:' + os.environ.get('HUB_PORT', '8080') + '/health/ready', timeout=2)"]
ENTRYPOINT ["passhub"]
CMD ["serve"]
