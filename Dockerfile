FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY aggregator aggregator
COPY templates templates
RUN python -m venv /opt/aggregator \
    && /opt/aggregator/bin/pip install --no-cache-dir -c constraints.txt '.[postgresql]'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /srv aggregator \
    && install -d -o aggregator /srv/instance
COPY --from=build /opt/aggregator /opt/aggregator
ENV PATH=/opt/aggregator/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AGGREGATOR_INSTANCE=/srv/instance \
    AGGREGATOR_WEB__HOST=0.0.0.0
USER aggregator
WORKDIR /srv
VOLUME /srv/instance
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["aggregator", "run", "--workers", "2"]
