# docker build -f containers/cuda12.Dockerfile -t jaxcbis:cuda12 .
# docker run --rm --gpus all --user "$(id -u)" -v RELEASE:/release:ro -v "$PWD":/work jaxcbis:cuda12 \
#   train --backbone resnet50 --strategy s2 --data /release --device gpu
FROM python:3.11-slim

# CUDA's libraries come as wheels with jax[cuda12]; the driver is the host's.
ENV NVIDIA_VISIBLE_DEVICES=all
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility

WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY jaxcbis jaxcbis
COPY tfds_cbis tfds_cbis
COPY benchmarks benchmarks
RUN pip install --no-cache-dir -c constraints.txt ".[cuda12]"

# Results, the prepared data set, weights and compiled programs all stay on what is mounted here.
WORKDIR /work
ENV HOME=/work
ENTRYPOINT ["jaxcbis"]
CMD ["--help"]
