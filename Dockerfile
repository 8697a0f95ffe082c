# An image with the command semiseg_mm, for CPUs or for NVIDIA GPUs.
#   docker build -t semiseg_mm --build-arg 'TORCH_OPTIONS=--index-url URL' .
#   docker build -t semiseg_mm:cuda .
#   docker run --rm -v "$PWD:/work" semiseg_mm quickstart --iters 20
#   docker run --rm --gpus all --shm-size 8g -v "$PWD:/work" semiseg_mm:cuda train CONFIG
# URL is the index of torch's CPU builds; torch's installation page has it. Without it pip takes the build
# with CUDA's libraries. The host then needs NVIDIA's driver and container toolkit.
FROM python:3.12-slim

ARG TORCH=torch==2.13.0
ARG TORCH_OPTIONS=
# hadolint ignore=DL3013,SC2086
RUN pip install --no-cache-dir $TORCH_OPTIONS "$TORCH"

COPY . /src
# opencv-python needs the libraries of a screen (libGL), its headless twin needs none; they share a folder
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '/src[mminstall]' \
    && pip uninstall -y opencv-python opencv-python-headless \
    && pip install --no-cache-dir opencv-python-headless \
    && semiseg_mm train --help

WORKDIR /work
ENTRYPOINT ["semiseg_mm"]
CMD ["--help"]
