# docker build -f containers/cpu.Dockerfile -t jaxcbis .
# docker run --rm --user "$(id -u)" -v RELEASE:/release:ro -v "$PWD":/work jaxcbis \
#   train --backbone resnet50 --strategy s2 --data /release
FROM python:3.11-slim

WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY jaxcbis jaxcbis
COPY tfds_cbis tfds_cbis
RUN pip install --no-cache-dir -c constraints.txt .

# Results, the prepared data set, weights and compiled programs all stay on what is mounted here.
WORKDIR /work
ENV HOME=/work
ENTRYPOINT ["jaxcbis"]
CMD ["--help"]
