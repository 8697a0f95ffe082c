"""Options for speed and memory change how networks are executed, and not what they learn."""

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing
from torch import nn

from semiseg_mm.apis.publish import publish
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.execution import check_execution, lay_out, prepare_execution
from semiseg_mm.engine.optimizers import Bfloat16OptimWrapper
from semiseg_mm.engine.pictures import look_at
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models.recompute import recomputed
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_config, toy_network

METHODS = {
    'SupOnly': ([], ['student']),
    'MeanTeacher': ([dict(type='MeanTeacherHook')], ['student']),
    'CPSSegmentor': ([], ['net_0', 'net_1']),
}
each_method = pytest.mark.parametrize('method', METHODS)


def parts(method: str) -> list[str]:
    return [
        f'networks.{name}.{p}' for name in METHODS[method][1] for p in ('backbone', 'decode_head')
    ]


def build(method: str, **options) -> nn.Module:
    """As a runner does it, in the same order."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type=method, segmentor=toy_network(4)))
    model.init_weights()
    cfg = Config(options)
    lay_out(model, cfg)
    check_execution(model, cfg)
    turn_on_activation_checkpointing(model, cfg.get('activation_checkpointing', []))
    prepare_execution(model, cfg)
    return model.train()


def step(model: nn.Module, wrapper: type = OptimWrapper) -> tuple[torch.Tensor, dict, dict]:
    """Loss, gradients and buffers of one iteration."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = wrapper(torch.optim.SGD(trained, lr=0.0))
    data = model.data_preprocessor(toy_batch(num_classes=4), True)
    torch.manual_seed(1)
    with optimizer.optim_context(model):
        loss, _ = model.parse_losses(model(**data, mode='loss'))
    optimizer.backward(loss)
    gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    return loss.detach(), gradients, dict(model.named_buffers())


def assert_equal(found: tuple, expected: tuple) -> None:
    assert torch.equal(found[0], expected[0])
    for one, two in zip(found[1:], expected[1:], strict=True):
        assert one.keys() == two.keys() and one
        assert all(torch.equal(one[key], value) for key, value in two.items())


def error(found: tuple, expected: tuple) -> tuple[float, float]:
    """Of the loss, and of all gradients together, relative to what they are."""
    a, b = (torch.cat([g.flatten() for g in one[1].values()]) for one in (found, expected))
    return ((found[0] - expected[0]) / expected[0]).abs().item(), ((a - b).norm() / b.norm()).item()


def laid_out(model: nn.Module) -> list[bool]:
    weights = [p for p in model.parameters() if p.ndim == 4 and min(p.shape[:2]) > 1]
    return [p.is_contiguous(memory_format=torch.channels_last) for p in weights]


@each_method
def test_what_is_recomputed_is_the_same(method):
    """Bit for bit, dropout and running statistics too; and less is kept for the backward pass."""
    kept = {}
    found = {}
    for names in ([], parts(method)):
        model, sizes = build(method, activation_checkpointing=names), []

        def pack(x, sizes=sizes):
            sizes.append(x.nelement())
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            found[bool(names)] = step(model)
        kept[bool(names)] = sum(sizes)
    assert_equal(found[True], found[False])
    assert kept[True] < kept[False]


def test_statistics_would_see_a_batch_twice_without_care():
    x, counts = torch.randn(4, 3, 5, 5), []
    for call in (lambda m: recomputed(m, m, x), lambda m: torch.utils.checkpoint.checkpoint(
        m, x, use_reentrant=False
    )):  # fmt: skip
        norm = nn.BatchNorm2d(3)
        call(norm).square().sum().backward()
        counts.append(norm.num_batches_tracked.item())
    assert counts == [1, 2]


@each_method
def test_channels_last_rounds_otherwise(method):
    model = build(method, channels_last=True)
    assert all(laid_out(model)) and not all(laid_out(build(method)))
    assert max(error(step(model), step(build(method)))) < 1e-5


@each_method
def test_bfloat16_is_near(method):
    found = step(build(method), Bfloat16OptimWrapper)
    assert all(g.dtype == torch.float32 for g in found[1].values())
    loss, gradients = error(found, step(build(method)))
    assert 0 < loss < 0.02 and 0 < gradients < 0.2


@each_method
def test_a_compiled_backbone_is_used_in_training_alone(method):
    """By a compiler that only counts: C++ is not here to be tested."""
    calls = []

    def compiler(graph, _):
        def run(*args):
            calls.append(1)
            return graph(*args)

        return run

    model = build(method, compile=dict(backend=compiler))
    assert_equal(step(model), step(build(method)))
    assert calls and not any('_orig_mod' in key for key in model.state_dict())
    calls.clear()
    look_at(model, toy_batch(3, 1, num_classes=4), [[0, 0, 0]] * 4)  # a picture has other sizes
    assert not calls and model.training
    model.eval()
    model.networks[model.predict_on](torch.randn(1, 3, 16, 16))
    assert not calls


@each_method
def test_accumulated_gradients_are_their_mean(method):
    """Two iterations, and one step with half of the gradients of each: the same weights."""
    model = build(method)
    batches = [toy_batch(num_classes=4, seed=k) for k in range(2)]
    trained = [p for p in model.parameters() if p.requires_grad]
    twin = copy.deepcopy(model)
    wrapper = OptimWrapper(torch.optim.SGD(trained, lr=0.1), accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 2)
    for number, batch in enumerate(batches):
        torch.manual_seed(number)
        model.train_step(copy.deepcopy(batch), wrapper)
        torch.manual_seed(number)
        data = twin.data_preprocessor(copy.deepcopy(batch), True)
        (twin.parse_losses(twin(**data, mode='loss'))[0] / 2).backward()
    own = [p for p in twin.parameters() if p.requires_grad]
    torch.optim.SGD(own, lr=0.1).step()
    assert all(torch.equal(p, q) for p, q in zip(trained, own, strict=True))


@each_method
def test_with_all_of_them_a_run_resumes_and_is_published(method, tmp_path):
    """Bit for bit, and the checkpoint holds what it would hold without them."""
    hooks, names = METHODS[method]

    def train(folder: Path, **extra) -> dict:
        cfg = toy_config(
            folder,
            dict(type=method),
            custom_hooks=hooks,
            channels_last=True,
            activation_checkpointing=parts(method),
            **{'optim_wrapper.type': 'Bfloat16OptimWrapper'},
            **{'optim_wrapper.accumulative_counts': 3},
            **extra,
        )
        runner = build_runner(cfg)
        assert all(laid_out(runner.model))  # before it would be distributed
        runner.train()
        cfg.dump(folder / 'config.py')
        return runner.model.state_dict()

    whole, rest = tmp_path / 'whole', tmp_path / 'rest'
    plain = build_runner(toy_config(tmp_path, dict(type=method))).model.state_dict()
    assert train(whole).keys() == plain.keys()
    rest.mkdir()
    (rest / 'iter_3.pth').write_bytes((whole / 'iter_3.pth').read_bytes())
    train(rest, resume=True)
    a, b = (safe_load(folder / 'iter_6.pth') for folder in (whole, rest))
    assert all(torch.equal(a['state_dict'][key], value) for key, value in b['state_dict'].items())
    before = safe_load(whole / 'iter_3.pth')['state_dict']
    assert any(not torch.equal(before[key], value) for key, value in a['state_dict'].items())
    out, _ = publish(
        str(whole / 'config.py'), str(whole / 'iter_6.pth'), str(tmp_path / 'one.pth'), names[0]
    )
    network = MODELS.build(toy_network(7))
    network.load_state_dict(safe_load(out)['state_dict'])  # strict


def test_names_and_combinations_that_cannot_be_are_refused():
    with pytest.raises(UserError, match=r"no part 'networks.student.backbon'\. Did you mean"):
        build('SupOnly', activation_checkpointing='networks.student.backbon')
    with pytest.raises(UserError, match='do not go together'):
        build('SupOnly', activation_checkpointing=parts('SupOnly'), compile=True)


def test_determinism_may_be_asked_for_where_it_can_be_had(tmp_path, monkeypatch):
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG', raising=False)
    cfg = toy_config(tmp_path, dict(type='SupOnly'), **{'randomness.deterministic': 'warn'})
    try:
        build_runner(cfg)
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    cfg.randomness.deterministic = 'warning'
    with pytest.raises(UserError, match=r"deterministic='warning' is none.*Did you mean 'warn'"):
        build_runner(cfg)
