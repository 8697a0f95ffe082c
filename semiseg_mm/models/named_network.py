from pathlib import Path

from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest


def named_network(network: dict | str) -> dict:
    """Return a network's config, which may be given as the name of a config of a package.

    ``mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py`` is the model of
    that file. What the dataset decides (classes, test mode) is overridden afterwards, as always.
    """
    if not isinstance(network, str):
        return network
    package, colons, path = network.partition('::')
    if package != 'mmseg' or not colons:
        raise UserError(
            f"segmentor='{network}': give a network's config, or the name of one of mmseg's as "
            "'mmseg::FOLDER/FILE.py'."
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


def _configs_of_mmseg() -> Path:
    import mmseg

    configs = Path(mmseg.__file__).parent / '.mim/configs'
    if not configs.is_dir():
        raise UserError(
            f'{configs} is not there: this installation of mmseg has no configs. Write the config '
            'of the network into model.segmentor, or install mmseg from a wheel.'
        )
    return configs
