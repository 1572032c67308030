# Skydeck in one container: the same house that `make run` starts. State is in /data.
FROM python:3.12-slim

RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home skydeck && install -d -o skydeck -m 700 /data
WORKDIR /skydeck
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER skydeck
ENV SKYDECK_DATA=/data SKYDECK_HOST=0.0.0.0
EXPOSE 8000
VOLUME /data
STOPSIGNAL SIGTERM
CMD ["python", "manage.py", "run"]
