# One image for web, worker, beat, migrate and provision; the command selects the process.
FROM python:3.13-slim AS packages
WORKDIR /app
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /app/.venv \
    && /app/.venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt

FROM python:3.13-slim
# A numeric user id, so that Kubernetes can verify runAsNonRoot.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin countersign \
    && install -d -o countersign -g countersign /data/artifacts /data/log-public \
    && install -d -m 0700 -o countersign -g countersign /data/keys /data/log-state
WORKDIR /app
COPY --from=packages /app/.venv /app/.venv
COPY manage.py pyproject.toml ./
COPY audit audit
COPY registry registry
COPY governance governance
COPY templates templates
COPY static static
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=governance.settings COUNTERSIGN_STORAGE_DIR=/data/artifacts
# Static files are collected here, once. The settings require these values; they are not in the environment of the image.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    DATABASE_URL=postgresql://countersign_app:none@db.invalid/countersign REDIS_URL=redis://redis.invalid/0 \
    PUBLIC_URL=https://registry.invalid ALLOWED_HOSTS=registry.invalid COUNTERSIGN_LOG_ORIGIN=registry.invalid/audit/1 \
    python manage.py collectstatic --noinput
USER 10001
VOLUME /data/artifacts /data/keys
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "governance.serving", "--host=0.0.0.0", "--port=8000", "--processes=2"]
