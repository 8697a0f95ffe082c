"""Methods and networks of configs/_base_, found by scanning: they build and take a step together.

Networks that differ in depth, stride or loss alone are one here, and so are methods with the same
model; of methods, all on one CNN and one ViT, and three kinds on every network. SupOnly is on every
network in test_networks.py.
"""

import copy
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch
from semiseg_mm.testing.networks import tiny_network

BASE = Path(__file__).parents[2] / 'configs/_base_'
NETWORKS = {file.stem: file for file in sorted((BASE / 'models').glob('*.py'))}
METHODS = {file.stem: file for file in sorted((BASE / 'methods').glob('*.py'))}
ON_ALL = ('mean_teacher', 'cps_cutmix', 'unimatch')
CNN, VIT = 'deeplabv3plus_r50-d16', 'dpt_dinov2-s'
UNPERTURBED = ('ddrnet_23-slim',)  # its head computes a loss of its own
CLASSES, SIZE = 5, 64


def _size(item: tuple[str, Path]) -> tuple:
    return 'ohem' in item[0], 'r101' in item[0] or item[0].endswith('-b'), item


@cache
def kinds() -> dict[tuple, str]:
    """One network of each kind: the smallest, where they differ in depth."""
    found: dict[tuple, str] = {}
    for name, file in sorted(NETWORKS.items(), key=_size):
        cfg = Config.fromfile(file).segmentor
        found.setdefault((cfg.backbone.type, cfg.decode_head.type), name)
    return found


def pairs() -> list[tuple[str, str]]:
    everywhere = [(method, network) for network in kinds().values() for method in ON_ALL]
    models = {name: Config.fromfile(file).model for name, file in METHODS.items()}
    alone = [name for k, name in enumerate(models) if models[name] not in [*models.values()][:k]]
    each = [(method, network) for method in alone for network in (CNN, VIT)]
    return list(dict.fromkeys(everywhere + each))


@cache
def setting(method: str) -> dict:
    return Config.fromfile(METHODS[method]).model.to_dict()


def build(method: str, network: str) -> SemiSegmentor:
    torch.manual_seed(0)
    cfg = copy.deepcopy(setting(method))
    model = MODELS.build(dict(cfg, segmentor=tiny_network(NETWORKS[network]), num_classes=CLASSES))
    model.init_weights()
    return revert_sync_batchnorm(model).train()


def total_loss(model: SemiSegmentor, method: str) -> torch.Tensor:
    views = Config.fromfile(METHODS[method]).views
    batch = toy_batch(size=SIZE, num_classes=CLASSES, views=views)
    data = model.data_preprocessor(batch, True)
    return model.parse_losses(model(**data, mode='loss'))[0]


def test_the_scan_finds_networks_and_methods():
    assert {CNN, VIT, *UNPERTURBED} <= set(kinds().values())
    assert set(ON_ALL) <= set(METHODS) and len(METHODS) > len(ON_ALL)


@pytest.mark.parametrize(('method', 'network'), pairs())
def test_a_method_takes_a_step_on_a_network(method, network):
    if setting(method).get('perturbation') and network in UNPERTURBED:
        with pytest.raises(UserError, match='gives no features, which this method needs'):
            build(method, network)
        return
    model = build(method, network)
    loss = total_loss(model, method)
    assert loss.isfinite() and loss > 0
    loss.backward()
    before = {key: p.detach().clone() for key, p in model.named_parameters()}
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1).step()
    moved = {key for key, p in model.named_parameters() if not torch.equal(p, before[key])}
    assert all(p.isfinite().all() for p in model.parameters())
    for name, network in model.networks.items():
        own = {key for key in moved if key.startswith(f'networks.{name}.')}
        if name in model.teachers:
            assert own == set()
            continue
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
        assert {'backbone', 'decode_head'} <= {key.split('.')[2] for key in own}


@pytest.mark.parametrize('network', kinds().values())
def test_number_of_classes_is_the_datasets_in_every_head(network):
    """The configs say 21 or 7; a wrapped network has what the dataset says, in all outputs."""
    assert tiny_network(NETWORKS[network])['decode_head']['num_classes'] != CLASSES
    student = build('sup_only', network).networks['student']
    heads = [student.decode_head, *(_listed(getattr(student, 'auxiliary_head', None)))]
    features = student.extract_feat(torch.randn(2, 3, SIZE, SIZE))
    for head in heads:
        assert head.num_classes == head.out_channels == CLASSES
        logits = head(features)
        for each in logits if isinstance(logits, tuple) else [logits]:
            assert each.shape[1] == CLASSES


def _listed(head: nn.Module | None) -> list[nn.Module]:
    return [] if head is None else list(head) if isinstance(head, nn.ModuleList) else [head]


@pytest.mark.parametrize('network', ['dpt_dinov2-s', 'segformer_b0', 'upernet_vit-b16'])
def test_transformers_keep_their_gradients_under_autocast(network):
    """The teacher's pass without gradient must not leave casts of weights behind."""
    model = build('unimatch_v2', network)
    with torch.autocast('cpu', torch.bfloat16):
        loss = total_loss(model, 'unimatch_v2')
    loss.backward()
    for key, p in model.named_parameters():
        assert (p.grad is not None and p.grad.isfinite().all()) == p.requires_grad, key


def test_networks_give_features_and_what_their_last_layer_receives():
    """As many channels as the method is told when it is built."""
    for network in kinds().values():
        model = build('sup_only', network).eval()
        output = model.teach('student', torch.randn(2, 3, SIZE, SIZE))
        assert output.logits.shape == (2, CLASSES, SIZE, SIZE)
        assert bool(output.features) == (network not in UNPERTURBED), network
        assert output.embedding.shape[1] == model.embedding_channels, network
        enlarged = 8 if network.endswith('_shuffle') else 1  # by its last layer
        size = [side * enlarged for side in output.embedding.shape[2:]]
        assert list(output.coarse.shape[2:]) == size, network


def test_a_head_without_such_a_layer_says_so():
    model = build('sup_only', CNN)
    del model.networks['student'].decode_head.conv_seg
    with pytest.raises(UserError, match='has no last layer conv_seg'):
        assert model.embedding_channels
