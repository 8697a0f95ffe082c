# An image with the command semiseg_mm, for CPUs or for NVIDIA GPUs.
#   docker build -t semiseg_mm .
#   docker build -t semiseg_mm:cuda --build-arg TORCH_INDEX=https://pypi.org/simple .
#   docker run --rm -v "$PWD:/work" semiseg_mm quickstart --iters 20
#   docker run --rm --gpus all --shm-size 8g -v "$PWD:/work" semiseg_mm:cuda train CONFIG
# The wheels of PyPI bring CUDA's libraries; the host needs its driver and the NVIDIA container toolkit.
FROM python:3.12-slim

ARG TORCH=torch==2.13.0
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# hadolint ignore=DL3042,DL3013
RUN --mount=type=cache,target=/root/.cache/pip pip install --index-url "$TORCH_INDEX" "$TORCH"

COPY . /src
# opencv-python needs the libraries of a screen (libGL), its headless twin needs none; they share a folder
# hadolint ignore=DL3042,DL3013
RUN --mount=type=cache,target=/root/.cache/pip pip install '/src[mminstall]' \
    && pip uninstall -y opencv-python opencv-python-headless \
    && pip install opencv-python-headless \
    && semiseg_mm train --help

WORKDIR /work
ENTRYPOINT ["semiseg_mm"]
CMD ["--help"]
