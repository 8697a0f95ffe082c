"""Images that are not RGB of 8 bits, from one option to the predicted label map."""

from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

import semiseg_mm
from semiseg_mm.apis import publish
from semiseg_mm.apis.browse import run_browse
from semiseg_mm.apis.cli import load_config, run_train
from semiseg_mm.apis.data.check_dataset import run_check_dataset
from semiseg_mm.apis.export import run_export
from semiseg_mm.apis.predict import run_predict
from semiseg_mm.datasets.shapes import CLASSES, render
from semiseg_mm.datasets.transforms import LoadBands
from semiseg_mm.datasets.transforms.image_bytes import PHOTOMETRIC, tiff_entry
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.errors import UserError
from semiseg_mm.models.sketch import size_divisor_of, sketch
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import VARIED
from semiseg_mm.utils.places import CONFIGS, METHODS

LOW, HIGH = 100, 4095


def scene(seed: int, count: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
    image, label = render(seed, (24, 24))
    bands = np.concatenate([image, image[..., :1] // 2], 2)[..., :count]
    if bits == 16:
        bands = (LOW + bands.astype(np.float32) * ((HIGH - LOW) / 255)).astype(np.uint16)
    return bands[..., 0] if count == 1 else bands, label


def write_data(folder, count: int, bits: int) -> None:
    for number, name in enumerate(['train', 'train', 'val', 'unlabeled', 'unlabeled']):
        (folder / name).mkdir(exist_ok=True)
        image, label = scene(number, count, bits)
        cv2.imwrite(str(folder / f'{name}/{number}.tif'), image)
        (folder / f'{name}_masks').mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f'{name}_masks/{number}.png'), label)


def write_config(folder, count: int, bits: int, **network):
    """The datasets of own_folder.py and a small UNet; ``bands`` is all that speaks of bands."""
    method = Config.fromfile(METHODS / 'cps_cutmix.py')
    base = Config.fromfile(CONFIGS / '_base_/datasets/own_folder.py')
    cfg = toy_config(folder / 'run', method.model, 2)
    unet = Config.fromfile(CONFIGS / '_base_/models/unet_s2.py').segmentor
    unet.backbone.base_channels = unet.decode_head.in_channels = 4
    unet.decode_head.init_cfg = VARIED
    unet.update(network)
    cfg.model.segmentor = unet
    cfg.model.test_cfg = dict(mode='whole')
    cfg.train_cfg.val_interval, cfg.default_hooks.checkpoint.interval = 2, 1
    known = dict(
        data_root=str(folder), metainfo=dict(classes=CLASSES, palette=[[k] * 3 for k in range(7)])
    )
    train, val = base.train_dataloader.dataset, base.val_dataloader.dataset
    train.labeled.update(known, img_suffix='.tif')
    train.unlabeled.update(data_root=str(folder))
    train.update(crop_size=(16, 16), views=dict(weak=[], strong=[dict(type='StrongView')]))
    cfg.train_dataloader.dataset = train
    val.update(known, img_suffix='.tif')
    cfg.val_dataloader.pop('dataset')
    cfg.val_dataloader.update(dataset=val, batch_size=1)
    cfg.bands = dict(count=count, bits=bits, **(dict(low=LOW, high=HIGH) if bits == 16 else {}))
    cfg.dump(folder / 'bands.py')
    return str(folder / 'bands.py')


@pytest.mark.parametrize('count, bits', [(1, 8), (4, 16)])
def test_from_training_to_a_published_network(tmp_path, capfd, count, bits):
    write_data(tmp_path, count, bits)
    config, run = write_config(tmp_path, count, bits), tmp_path / 'run'
    assert run_train([config]) == 0, capfd.readouterr().err
    whole = (run / 'iter_2.pth').read_bytes()
    (run / 'iter_2.pth').unlink()
    assert run_train([config, '--resume']) == 0, capfd.readouterr().err
    (tmp_path / 'whole.pth').write_bytes(whole)
    at_once, resumed = (
        safe_load(str(path))['state_dict'] for path in (tmp_path / 'whole.pth', run / 'iter_2.pth')
    )
    assert all((resumed[key] == value).all() for key, value in at_once.items())
    first = next(value for value in resumed.values() if value.ndim == 4)
    assert first.shape[1] == count

    words = [str(run), str(tmp_path / 'unlabeled'), '--out', str(tmp_path / 'out')]
    assert run_predict(words) == 0, capfd.readouterr().err
    image, _ = scene(3, count, bits)
    network = semiseg_mm.load(run)
    label = network(str(tmp_path / 'unlabeled/3.tif'))
    np.testing.assert_array_equal(label, network(image))
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / 'out/labels/3.png')), label)
    shown = network.picture(str(tmp_path / 'unlabeled/3.tif')).astype(int)
    assert np.abs(shown[..., 0] - scene(3, count, 8)[0].reshape(24, 24, count)[..., 0]).max() <= 1

    (tmp_path / 'clip.mp4').touch()
    assert run_predict([str(run), str(tmp_path / 'clip.mp4'), *words[2:]]) == 1
    assert f'the network takes {count} of {bits}' in capfd.readouterr().err

    checkpoint = str(run / 'iter_2.pth')
    out, plain = publish(str(run / 'bands.py'), checkpoint, str(tmp_path / 'm'), 'net_0')
    assert 'semiseg_mm.datasets' in Config.fromfile(plain).custom_imports.imports
    np.testing.assert_array_equal(semiseg_mm.load(out)(image), label)
    capfd.readouterr()
    if find_spec('onnxruntime'):
        exported(run, tmp_path / 'm.onnx', image, label)
    assert run_check_dataset([config]) == 0, 'its 16 bits are not spoilt'
    sheet = tmp_path / 'sheet.png'
    assert run_browse([config, '--out', str(sheet), '--labeled', '1', '--unlabeled', '2']) == 0
    assert sheet.is_file()


def exported(run, file, image, label):
    """Export the network, and label an image as its file holds it."""
    import onnxruntime

    assert run_export([str(run), str(file), '--size', '24', '24']) == 0
    bands = image if image.ndim == 2 else image[..., [2, 1, 0, 3]]  # image is in OpenCV's order
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    (found,) = session.run(None, dict(image=np.atleast_3d(bands).transpose(2, 0, 1)[None]))
    assert (found[0] != label).mean() < 2e-3
    assert f'uint{image.dtype.itemsize * 8}' in session.get_modelmeta().custom_metadata_map['input']


def options(**bands):
    return {f'bands.{key}': value for key, value in bands.items()}


def test_mistakes_are_sentences(tmp_path):
    write_data(tmp_path, 4, 16)
    config = write_config(tmp_path, 4, 16)
    for given, said in (
        (dict(low=None), r'Of the first 2 labeled images, 98 % .* bands.low=\d+ bands.high=\d+'),
        (dict(count=2), 'count must be 1, 3 or 4'),
        (dict(low=5000), 'high=4095 must be above low=5000'),
        (dict(low=[1, 2]), 'one of each of 4 bands'),
        (dict(counts=4), 'bands has no .counts.'),
    ):
        with pytest.raises(UserError, match=said):
            load_config(config, options(**given))
    with pytest.raises(UserError, match=r'pad_val=\(1, 2, 3\) of SemiDataset is for 3'):
        load_config(config, {'train_dataloader.dataset.pad_val': (1, 2, 3)})
    with pytest.raises(UserError, match='PhotoMetricDistortion works on colours'):
        views = dict(weak=[dict(type='PhotoMetricDistortion')])
        load_config(config, {'train_dataloader.dataset.views': views})
    with pytest.raises(UserError, match='ToyBackbone has no in_channels'):
        load_config(config, {'model.segmentor.backbone.type': 'ToyBackbone'})
    image = str(tmp_path / 'train/0.tif')
    for loader, said in (
        (LoadBands(1), 'has 4 bands, but bands.count=1'),
        (LoadBands(4), 'values of uint16, but bands.bits=8'),
    ):
        with pytest.raises(UserError, match=said):
            loader(dict(img_path=image))


def test_the_range_becomes_bytes():
    values = np.array([[0, 100, 300, 500, 65535]], np.uint16)
    found = LoadBands(1, 16, low=100, high=500).to_bytes(values)
    assert found[..., 0].tolist() == [[0, 0, 128, 255, 255]]  # 127.5 is rounded to even
    three = LoadBands(3, 16, low=[0, 0, 55], high=[255, 510, 255])
    assert three.to_bytes(np.full((1, 1, 3), 102, np.uint16)).tolist() == [[[102, 51, 60]]]


def test_no_band_is_changed_by_what_a_tiff_calls_it(tmp_path):
    """OpenCV would multiply three by a fourth called alpha, and take one of four called grey."""
    bands = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype(np.uint8)
    Image.fromarray(bands, 'RGBA').save(tmp_path / 'alpha.tif')
    content = bytearray((tmp_path / 'alpha.tif').read_bytes())
    place = tiff_entry(content, PHOTOMETRIC).start + 8
    assert content[place] == 2
    content[place] = 1
    (tmp_path / 'grey.tif').write_bytes(content)
    for name in ('alpha.tif', 'grey.tif'):
        path = str(tmp_path / name)
        plain = cv2.imread(path, -1)
        assert plain.shape != bands.shape or (plain[..., [2, 1, 0, 3]] != bands).any()
        loaded = LoadBands(4)(dict(img_path=path))['img']
        np.testing.assert_array_equal(loaded[..., [2, 1, 0, 3]], bands)


def test_sizes_are_tried_with_the_bands_of_the_network(tmp_path):
    network = load_config(write_config(tmp_path, 4, 16)).model.segmentor
    assert size_divisor_of(sketch(network)) == 8


def test_three_bands_of_16_bits_leave_the_network_as_it_is(tmp_path):
    plain = load_config(write_config(tmp_path, 3, 8), options(bits=16, low=LOW, high=HIGH))
    network = plain.model.segmentor
    assert network.backbone.in_channels == 3 and len(network.data_preprocessor.mean) == 3
    assert network.data_preprocessor.bgr_to_rgb
    source = plain.train_dataloader.dataset.unlabeled
    loads = [step for step in source.pipeline if step['type'] == 'LoadBands']
    assert loads == [dict(type='LoadBands', count=3, bits=16, low=LOW, high=HIGH)]
