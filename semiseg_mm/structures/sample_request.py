from typing import NamedTuple


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
