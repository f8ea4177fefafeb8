# One image for every service: `csp run <service>`. The target `simulator` adds the Partner Center simulator.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make && rm -rf /var/lib/apt/lists/*
COPY requirements.lock pyproject.toml Makefile ./
COPY tools tools
COPY libs libs
COPY services services
COPY simulators simulators
COPY cli cli
RUN python -m venv /opt/csp \
    && awk '/^[a-z]/ {keep = /^uv(-build)?==/} keep' requirements.lock > bootstrap.txt \
    && /opt/csp/bin/pip install --quiet --require-hashes --no-deps -r bootstrap.txt \
    && VIRTUAL_ENV=/opt/csp /opt/csp/bin/uv pip sync --quiet --require-hashes requirements.lock \
    && VIRTUAL_ENV=/opt/csp /opt/csp/bin/uv pip install --quiet --no-deps --no-build-isolation libs/* services/* cli

FROM build AS build-simulator
RUN VIRTUAL_ENV=/opt/csp /opt/csp/bin/uv pip install --quiet --no-deps --no-build-isolation simulators/partner-center

FROM python:3.11-slim-bookworm AS base
RUN useradd --system --uid 10001 --home-dir /var/lib/csp --create-home csp
ENV PATH=/opt/csp/bin:$PATH PYTHONUNBUFFERED=1 CSP_HOST=0.0.0.0 CSP_PORT=8080 CSP_DATA=/var/lib/csp
WORKDIR /var/lib/csp
USER 10001
EXPOSE 8080

FROM base AS simulator
COPY --from=build-simulator /opt/csp /opt/csp
EXPOSE 8787
ENTRYPOINT ["csp"]
CMD ["simulator", "--host", "0.0.0.0", "--data", "/var/lib/csp/simulator"]

FROM base AS service
COPY --from=build /opt/csp /opt/csp
ENTRYPOINT ["csp"]
CMD ["run", "gateway"]
