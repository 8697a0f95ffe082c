from typing import NamedTuple


class Overlap(NamedTuple):
    """Say how the crops of one image overlap; all of them carry the same, but for the number."""

    seed: int  # of the scale and of all corners
    number: int  # of this crop: 0 or 1
    share: tuple[float, float]  # least and most of what both show, of what one of them shows (IoU)
    stride: int  # their distance along both axes is a multiple of so many pixels of the crops


class SampleRequest(NamedTuple):
    """Hold all that is to be decided about one sample; the sampler decides it.

    The dataset obeys it and keeps no state, so a sample does not depend on the worker that makes
    it, on prefetching, or on where a run was resumed.
    """

    index: int  # type: ignore[assignment]  # in SemiDataset: labeled images first, then unlabeled ones
    serial: int  # how many samples of this source came before it, over all processes
    seed: int = 0  # of the augmentation; a function of (run seed, source, serial)
    crop_size: tuple[int, int] | None = None  # (h, w); None leaves it to the pipeline
    center: tuple[int, int] | None = None  # (y, x) in the image; None draws it at random
    overlap: Overlap | None = None  # with another crop of the same image
