"""Semi-supervised semantic segmentation on mmengine, mmcv and mmsegmentation.

One training iteration:

    request stream -- sampler --> SampleRequest --> SemiDataset --> pipeline
        labeled sample   -> {labeled}
        unlabeled sample -> {weak, strong, ...}   one shared geometry, one pipeline per named view
    collate_views --> SemiDataPreprocessor (device, normalise, stack, pad -> valid mask)
    SemiSegmentor.loss(views):
        supervised   = mmseg's own loss on the labeled view        (written once, in the base)
        unsupervised = the paper                                   (the method's one function)
            target = teacher / other network on the weak view -> PseudoLabel
            mask   = mixer.draw(...); pasted on image, label, confidence and valid alike
            loss   = masked cross entropy / consistency
    SemiTrainLoop: seed from (run seed, iteration, rank), forward, backward, step
    hooks: MeanTeacherHook (after the step), AtomicCheckpointHook, ResultHook

Everything random follows from the run's seed and a position in the stream, so a run that was
killed and resumed ends with the same weights as one that was not.
"""

import warnings
from importlib import import_module
from typing import Any

from semiseg_mm.compat import check_versions, name_packages_for_configs
from semiseg_mm.version import __version__

check_versions()
name_packages_for_configs()
# two classes with an output each are what is meant here, as mmseg's own losses and metrics have it
warnings.filterwarnings('ignore', message='For binary segmentation, we suggest using')
# mmcv without compiled operators says so at import; nothing here needs them
warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')

__all__ = ['__version__', 'load']


def __getattr__(name: str) -> Any:
    """Import ``load``, which loads a trained network, when it is asked for: torch takes seconds."""
    if name == 'load':
        return import_module('semiseg_mm.apis.predict').load
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
