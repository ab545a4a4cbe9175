# The service and its tools in one image: `docker build -t fastlakare .`
# Bases are named by exact version; whoever mirrors them can add the digest.
FROM python:3.13.16-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/run.txt requirements/dev.txt requirements/
RUN python -m venv --without-pip /opt/fastlakare \
    && pip --python /opt/fastlakare/bin/python install --require-hashes --only-binary :all: -r requirements/run.txt
# The build tool alone, out of the list that pins it; it stays in this stage.
RUN awk '/^[A-Za-z0-9]/ { wanted = /^setuptools==/ } wanted' requirements/dev.txt > requirements/build.txt \
    && pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY handlers handlers
COPY infra infra
COPY workers workers
COPY cli cli
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /dist . \
    && pip --python /opt/fastlakare/bin/python install --no-index --no-deps /dist/*.whl

FROM python:3.13.16-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin fastlakare
COPY --from=build /opt/fastlakare /opt/fastlakare
# Inside a container loopback reaches nobody; which ports are published is the host's decision.
ENV PATH=/opt/fastlakare/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FASTLAKARE_HTTP_HOST=0.0.0.0
USER 10001:10001
WORKDIR /srv
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('FASTLAKARE_HTTP_PORT', '8000')}/healthz\", timeout=4)"]
ENTRYPOINT ["fastlakare"]
CMD ["run"]
