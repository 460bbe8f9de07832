# syntax=docker/dockerfile:1
# inferc in a container, for files of remote models and ONNX models on the CPU; docs/deploy.md says how it is run.
#   docker build -t inferc .
#   docker run --rm --read-only --tmpfs /tmp -p 8080:8080 -v "$PWD:/srv/infer:ro" -e OPENAI_API_KEY \
#     inferc run prod.infer --host 0.0.0.0 --port 8080
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/inferc
WORKDIR /build
COPY . .
ARG EXTRAS=cpu,embed,redis,grpc,otel,jwt,fast
RUN /opt/inferc/bin/pip install ".[$EXTRAS]" && /opt/inferc/bin/inferc --version

FROM python:3.13-slim
COPY --from=build /opt/inferc /opt/inferc
# No home, and nothing is written but what a file asks for, and a socket for commands in /tmp, by which the health is asked.
ENV PATH=/opt/inferc/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /srv/infer
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from inferc.cli.server import ask; ask(None, 'status', within=4)"]
ENTRYPOINT ["inferc"]
CMD ["--help"]
