# docker build -t mslesion .
# docker run --rm -v "$PWD/study:/study:ro" -v "$PWD/output:/output" mslesion /study /output participant
FROM python:3.12-slim
COPY . /source
RUN pip install --no-cache-dir /source && rm -r /source
ENTRYPOINT ["mslesion"]
