# One image for all of the operator's processes: compose.yaml says which one runs. No key and no manifest is in it.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY labelshare ./labelshare
COPY indexer ./indexer
COPY backend ./backend
RUN useradd --system --no-create-home labelshare
USER labelshare
EXPOSE 8700
CMD ["python", "-m", "backend"]
