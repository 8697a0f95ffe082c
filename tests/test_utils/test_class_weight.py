import json
import os
import pickle

import numpy as np
import pytest

from semiseg_mm.errors import UserError
from semiseg_mm.models import ProbOhemCrossEntropy, SemiSegmentor
from semiseg_mm.models.segmentors.network import override_network
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_network
from semiseg_mm.utils.class_weight import read_class_weight


class Malicious:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def through_ohem(path, _key):
    ProbOhemCrossEntropy(class_weight=path)


def through_a_network(path, key):
    """In a head, one of several losses, an auxiliary head, a loss within another."""
    cfg = toy_network()
    loss = dict(type='mmseg.CrossEntropyLoss', class_weight=path)
    if key == 'auxiliary_head':
        cfg[key] = [dict(cfg['decode_head'], loss_decode=loss)]
    elif key == 'several':
        cfg['decode_head']['loss_decode'] = [dict(type='mmseg.CrossEntropyLoss'), loss]
    elif key == 'within':
        cfg['decode_head']['loss_decode'] = dict(type='Outer', losses=[dict(inner=loss)])
    else:
        cfg['decode_head']['loss_decode'] = loss
    return MODELS.build(dict(type='SupOnly', segmentor=cfg, num_classes=3))


@pytest.mark.parametrize(
    'load, key',
    [
        (lambda path, _: read_class_weight(path), None),
        (through_ohem, None),
        *((through_a_network, key) for key in ('head', 'several', 'auxiliary_head', 'within')),
    ],
)
@pytest.mark.parametrize('name', ['w.pkl', 'w.PKL', 'w.pickle', 'w.yaml', 'w.yml', 'w.npy', 'w'])
def test_files_that_could_run_code_are_refused_and_run_nothing(name, load, key, tmp_path):
    path, proof = tmp_path / name, tmp_path / 'code_ran'
    if name.endswith(('yaml', 'yml')):
        path.write_text(f'!!python/object/apply:os.mkdir ["{proof}"]')
    elif name.endswith('npy'):
        np.save(path, np.array([Malicious(proof)], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Malicious(proof)))
    with pytest.raises(UserError, match=rf'class_weight=\S+{name} (is not|cannot be) read'):
        load(str(path), key)
    assert not proof.exists()


@pytest.mark.parametrize('suffix', ['.npy', '.json'])
def test_numbers_of_a_file_are_used(suffix, tmp_path):
    path, weights = tmp_path / f'weights{suffix}', [0.5, 1.0, 3.0]
    np.save(path, weights) if suffix == '.npy' else path.write_text(json.dumps(weights))
    assert read_class_weight(str(path)) == weights
    assert ProbOhemCrossEntropy(class_weight=str(path)).class_weight.tolist() == weights
    network = through_a_network(str(path), 'head').networks['student']
    assert network.decode_head.loss_decode.cls_criterion.class_weight.tolist() == weights


def test_a_file_of_another_number_of_classes_is_refused(tmp_path):
    (tmp_path / 'w.json').write_text('[1, 2]')
    with pytest.raises(UserError, match='2 numbers, the data has 3 classes'):
        through_a_network(str(tmp_path / 'w.json'), 'head')


@pytest.mark.parametrize('content', ['', '{', '{"a": 1}', '["a"]', '[[1, 2]]', '3', '[' * 10**5])
def test_a_file_without_a_list_of_numbers_is_named(content, tmp_path):
    (tmp_path / 'w.json').write_text(content)
    with pytest.raises(UserError, match=r'class_weight=\S+w\.json (cannot be read|is no list)'):
        read_class_weight(str(tmp_path / 'w.json'))


@pytest.mark.parametrize('content', [b'', b'\x93NUMPY', b'PK\x03\x04', pickle.dumps([1.0])])
def test_a_broken_array_is_named(content, tmp_path):
    (tmp_path / 'w.npy').write_bytes(content)
    with pytest.raises(UserError, match=r'class_weight=\S+w\.npy cannot be read'):
        read_class_weight(str(tmp_path / 'w.npy'))


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match=r'class_weight=nowhere\.npy: the file does not exist'):
        read_class_weight('nowhere.npy')


def test_numbers_are_left_as_they_are():
    assert read_class_weight(None) is None
    assert read_class_weight((1.0, 2.0)) == (1.0, 2.0)
    assert isinstance(through_a_network([1.0, 2.0, 3.0], 'head'), SemiSegmentor)


def test_a_plain_config_needs_no_file(tmp_path):
    """Publishing overrides a network's config as a training does."""
    np.save(tmp_path / 'w.npy', np.array([1, 2, 3]))
    loss = dict(type='CrossEntropyLoss', class_weight=str(tmp_path / 'w.npy'))
    cfg = dict(toy_network(), auxiliary_head=dict(num_classes=3, loss_decode=[loss]))
    override_network(cfg, 3, None)
    assert loss['class_weight'] == [1, 2, 3]
