# docker build -f containers/cuda.Dockerfile -t jaxcbis:cuda .
# docker run --rm --gpus all --user "$(id -u)" -v RELEASE:/release:ro -v "$PWD":/work jaxcbis:cuda \
#   train --backbone resnet50 --strategy s2 --data /release --device gpu --precision bfloat16
FROM python:3.11-slim

# CUDA's libraries come as wheels with jax[cuda13]; the driver is the host's. One from before CUDA 13,
# older than 580, takes --build-arg CUDA=12.
ARG CUDA=13
ENV NVIDIA_VISIBLE_DEVICES=all
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility

WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY jaxcbis jaxcbis
COPY tfds_cbis tfds_cbis
RUN pip install --no-cache-dir -c constraints.txt ".[cuda${CUDA}]"

# Results, the prepared data set, weights and compiled programs all stay on what is mounted here.
WORKDIR /work
ENV HOME=/work
ENTRYPOINT ["jaxcbis"]
CMD ["--help"]
