import platform

import numpy as np
import torch

from semiseg_mm.version import __version__


def package_versions() -> dict[str, str]:
    """Return the versions of all that decides a result."""
    import mmcv
    import mmengine
    import mmseg

    modules = dict(mmengine=mmengine, mmcv=mmcv, mmsegmentation=mmseg, torch=torch, numpy=np)
    found = {name: module.__version__ for name, module in modules.items()}
    return dict(semiseg_mm=__version__, **found, python=platform.python_version())
