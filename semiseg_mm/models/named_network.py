from pathlib import Path

from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import CONFIGS, SCOPE


def named_network(network: dict | str) -> dict:
    """Return a network's config, which may be given as the name of a config of a package.

    ``semiseg_mm::segformer_b2`` is the network of that file of ``configs/_base_/models``,
    ``mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py`` the model of
    that file of mmseg. What the dataset decides (classes, test mode) is overridden afterwards, as
    always.
    """
    if not isinstance(network, str):
        return network
    if network.startswith(SCOPE):
        return _own(network)
    package, colons, path = network.partition('::')
    if package != 'mmseg' or not colons:
        raise UserError(
            f"segmentor='{network}': give a network's config, or the name of one of mmseg's as "
            f"'mmseg::FOLDER/FILE.py', of one of configs/_base_/models as '{SCOPE}FILE'."
        )
    configs = _configs_of_mmseg()
    file = configs / (path if path.endswith('.py') else f'{path}.py')
    if not file.is_file():
        found = {p.stem: p.relative_to(configs) for p in configs.glob('*/*.py')}
        if file.stem in found:
            hint = f" Did you mean 'mmseg::{found[file.stem]}'?"
        else:
            hint = nearest(file.stem, found)
        raise UserError(f"segmentor='{network}': mmseg has no such config.{hint}")
    return Config.fromfile(file).model


def _own(network: str) -> dict:
    """Return a network of configs/_base_/models."""
    files = {file.stem: file for file in (CONFIGS / '_base_/models').glob('*.py')}
    name = network.removeprefix(SCOPE).removesuffix('.py')
    if name not in files:
        raise UserError(
            f"segmentor='{network}': configs/_base_/models has no such file.{nearest(name, files)}"
        )
    return Config.fromfile(files[name]).segmentor


def _configs_of_mmseg() -> Path:
    import mmseg

    configs = Path(mmseg.__file__).parent / '.mim/configs'
    if not configs.is_dir():
        raise UserError(
            f'{configs} is not there: this installation of mmseg has no configs. Write the config '
            'of the network into model.segmentor, or install mmseg from a wheel.'
        )
    return configs
