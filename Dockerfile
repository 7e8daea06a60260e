# One image for all of the operator's processes: compose.yaml says which one runs. No key and no manifest is in it.
FROM node:20-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --silent --no-progress
COPY web ./
RUN npx vite build

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY labelshare ./labelshare
COPY indexer ./indexer
COPY backend ./backend
COPY --from=web /web/dist ./web/dist
RUN useradd --system --no-create-home labelshare
USER labelshare
EXPOSE 8700
CMD ["python", "-m", "backend"]
