FROM python:3.11-slim-bookworm
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY campus campus
COPY collector collector
COPY api api
COPY dashboards dashboards
COPY simulator simulator
COPY firmware firmware
RUN pip install --no-cache-dir --constraint constraints.txt '.[influx,postgres]' \
    && useradd --uid 10001 --create-home campus && install -d -o campus -m 700 /data
USER campus
VOLUME /data
CMD ["campus", "--help"]
