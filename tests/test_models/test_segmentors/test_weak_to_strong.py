"""Each published formula, computed in a straight line with other means than the package's."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, View
from semiseg_mm.testing import toy_batch, toy_network

METHODS = Path(__file__).resolve().parents[3] / 'configs/_base_/methods'
BOX = torch.zeros(2, 16, 16, dtype=torch.bool)
BOX[0, 3:9, 2:12] = True  # the first image only


def build(name: str, **kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    cfg = dict(Config.fromfile(METHODS / f'{name}.py').model)
    model = MODELS.build(dict(cfg, segmentor=toy_network(), **kwargs)).eval()
    for teacher in model.teachers:  # not the student's twin any more
        for parameter in model.networks[teacher].parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    if model.mixer is not None:
        model.mixer.draw = lambda images, target=None: MixMask(BOX, torch.tensor([1, 0]))
    return model


def losses(model) -> dict[str, Tensor]:
    return model(**data(model), mode='loss')


def data(model) -> dict:
    return model.data_preprocessor(toy_batch(), True)


def predict(model, network: str, images: Tensor, drop: Tensor | None = None) -> Tensor:
    """Logits at full size, with the features multiplied by ``drop``."""
    net = model.networks[network]
    (features,) = net.backbone(images)
    logits = net.decode_head([features if drop is None else features * drop])
    return F.interpolate(logits, images.shape[2:], mode='bilinear')


def mixed(x: Tensor) -> Tensor:
    """The second image shows through the box of the first."""
    out = x.clone()
    out[0, ..., 3:9, 2:12] = x[1, ..., 3:9, 2:12]
    return out


def supervised(model) -> Tensor:
    batch = data(model)
    logits = predict(model, 'student', batch['inputs']['labeled'])
    truth = torch.cat([s.gt_sem_seg.data for s in batch['data_samples']['labeled']])
    return F.cross_entropy(logits, truth, ignore_index=255, reduction='none').mean()


def confident_ce(logits: Tensor, taught: Tensor, threshold: float, mix=mixed) -> Tensor:
    """CE with the hard labels where they are sure, over all pixels that are no padding."""
    confidence, label = taught.softmax(1).max(1)
    confidence, label = mix(confidence), mix(label)
    total = F.cross_entropy(logits, label, reduction='none')[:, :15, :15]
    return (total * (confidence[:, :15, :15] >= threshold)).sum() / (2 * 15 * 15)


def total(model) -> Tensor:
    return model.parse_losses(losses(model))[0]


def test_fixmatch_is_the_published_formula():
    """(L_x + L_s) / 2, labels of the EMA teacher."""
    model = build('fixmatch', filter=dict(type='Threshold', value=0.4))
    inputs = data(model)['inputs']
    taught = predict(model, 'teacher', inputs['weak'])
    strong = predict(model, 'student', mixed(inputs['strong']))
    expected = (supervised(model) + confident_ce(strong, taught, 0.4)) / 2
    found = losses(model)
    assert 0 < found['kept'] < 1
    torch.testing.assert_close(total(model), expected)


def test_fixmatch_v1_learns_from_its_own_labels():
    model = build('fixmatch_v1', filter=dict(type='Threshold', value=0.4))
    inputs = data(model)['inputs']
    taught = predict(model, 'student', inputs['weak'])
    strong = predict(model, 'student', mixed(inputs['strong']))
    expected = (supervised(model) + confident_ce(strong, taught, 0.4)) / 2
    torch.testing.assert_close(total(model), expected)


def test_unimatch_is_the_published_formula(monkeypatch):
    """(L_x + 0.25 L_s1 + 0.25 L_s2 + 0.5 L_fp) / 2; every other channel is dropped."""
    model = build('unimatch', filter=dict(type='Threshold', value=0.4))
    drop = torch.tensor([2.0, 0, 2, 0, 2, 0]).view(1, 6, 1, 1)
    fixed = SimpleNamespace(dropout2d=lambda x, p: x * drop)
    monkeypatch.setattr('semiseg_mm.models.perturbations.channel_dropout.F', fixed)
    found = total(model)
    monkeypatch.undo()
    inputs = data(model)['inputs']
    taught = predict(model, 'student', inputs['weak'])
    one, two = (predict(model, 'student', mixed(inputs[f'strong{k}'])) for k in (1, 2))
    dropped = predict(model, 'student', inputs['weak'], drop)
    expected = (
        supervised(model)
        + 0.25 * confident_ce(one, taught, 0.4)
        + 0.25 * confident_ce(two, taught, 0.4)
        + 0.5 * confident_ce(dropped, taught, 0.4, mix=lambda x: x)
    ) / 2
    torch.testing.assert_close(found, expected)


def test_unimatch_v2_is_the_published_formula(monkeypatch):
    """(L_x + (L_s1 + L_s2) / 2) / 2; of two images the first is left alone."""
    model = build('unimatch_v2', filter=dict(type='Threshold', value=0.4))
    kept = torch.tensor([True, False, True, True, False, False]).float()
    monkeypatch.setattr(torch, 'randperm', lambda n: torch.arange(n))
    monkeypatch.setattr(torch, 'rand', lambda *size: (1 - kept).expand(size))  # < 0.5 is kept
    found = total(model)
    monkeypatch.undo()
    inputs = data(model)['inputs']
    taught = predict(model, 'teacher', inputs['weak'])
    first = torch.stack([torch.ones(6), 2 * kept]).view(2, 6, 1, 1)
    one = predict(model, 'student', mixed(inputs['strong1']), first)
    two = predict(model, 'student', mixed(inputs['strong2']), 2 - first)
    unsupervised = (confident_ce(one, taught, 0.4) + confident_ce(two, taught, 0.4)) / 2
    torch.testing.assert_close(found, (supervised(model) + unsupervised) / 2)


def test_cutmix_seg_is_the_published_formula():
    """Squared distance, summed over classes, averaged with padding, times the confident share."""
    model = build('cutmix_seg', filter=dict(type='ConfidentShare', value=0.4))
    inputs = data(model)['inputs']
    taught = mixed(predict(model, 'teacher', inputs['weak']).softmax(1))
    student = predict(model, 'student', mixed(inputs['strong'])).softmax(1)
    inner = (..., slice(15), slice(15))
    squares = ((student - taught) ** 2).sum(1)  # B,H,W; the outermost row and column are padding
    distance = squares[inner].sum() / squares.numel()
    share = (taught.max(1).values[inner] >= 0.4).float().mean()
    assert 0 < share < 1
    torch.testing.assert_close(total(model), supervised(model) + distance * share)


def test_s4mc_is_the_published_formula():
    """(L_x + 0.5 L_s1 + 0.5 L_s2) / 2 on the surest half of the pixels, as neighbours make them."""
    model = build('s4mc', filter=dict(type='TopShare', start=0.5, end=0.5))
    inputs = data(model)['inputs']
    p = predict(model, 'student', inputs['weak']).softmax(1)
    inner = p[..., :15, :15]  # the outermost row and column are padding, and lend nothing
    wide = F.pad(inner, (1, 1, 1, 1))
    around = [wide[..., 1:-1, :-2], wide[..., 1:-1, 2:], wide[..., :-2, 1:-1], wide[..., 2:, 1:-1]]
    lent = torch.exp(torch.tensor(-0.5)) * torch.stack(around).max(0).values
    sure, label = (inner + lent - inner * lent).max(1)
    sure, label = (mixed(F.pad(x, (0, 1, 0, 1)))[:, :15, :15] for x in (sure, label))
    limit = sure.flatten().sort().values[-round(0.5 * sure.numel() + 0.01)]
    expected = supervised(model)
    for view in ('strong1', 'strong2'):
        logits = predict(model, 'student', mixed(inputs[view]))[..., :15, :15]
        pixels = F.cross_entropy(logits, label, reduction='none') * (sure >= limit)
        expected = expected + 0.5 * pixels.mean()
    found = losses(model)
    torch.testing.assert_close(found['kept'].item(), 0.5, atol=0.002, rtol=0)
    torch.testing.assert_close(model.parse_losses(found)[0], expected / 2)


def test_prevmatch_is_the_published_formula(monkeypatch):
    """(L_x + L + t L_previous) / (2 + t), where both L have the weights of UniMatch."""
    options = {key: dict(type='Threshold', value=0.4) for key in ('filter', 'previous_filter')}
    model = build('prevmatch', **options)
    drop = torch.tensor([2.0, 0, 2, 0, 2, 0]).view(1, 6, 1, 1)
    fixed = SimpleNamespace(dropout2d=lambda x, p: x * drop)
    monkeypatch.setattr('semiseg_mm.models.perturbations.channel_dropout.F', fixed)
    former = torch.randn(2, 3, 16, 16)
    model.remember = lambda images: former
    model.iteration, model.max_iters = 20, 100
    model.auxiliaries['snapshots'].push(model.networks['student'])
    found = total(model)
    monkeypatch.undo()
    inputs, t = data(model)['inputs'], 0.4
    taught = predict(model, 'student', inputs['weak'])
    one, two = (predict(model, 'student', mixed(inputs[f'strong{k}'])) for k in (1, 2))
    dropped = predict(model, 'student', inputs['weak'], drop)
    both = [
        0.25 * confident_ce(one, label, 0.4)
        + 0.25 * confident_ce(two, label, 0.4)
        + 0.5 * confident_ce(dropped, label, 0.4, mix=lambda x: x)
        for label in (taught, former)
    ]
    expected = (supervised(model) + both[0] + t * both[1]) / (2 + t)
    torch.testing.assert_close(found, expected)


# ------------------------------------------------------------------ the slots


def test_class_mix_cuts_along_the_teachers_labels():
    model = build('fixmatch', mixer=dict(type='ClassMix'))
    del model.mixer.draw  # the real one
    assert torch.isfinite(total(model))


def test_class_mix_cannot_cut_along_labels_that_do_not_exist_yet():
    model = build('fixmatch_v1', mixer=dict(type='ClassMix'))
    del model.mixer.draw
    with pytest.raises(UserError, match='BoxMix'):
        losses(model)


class NarrowingFilter(nn.Module):
    """Takes pixels out altogether, and gives no weight."""

    def forward(self, target):
        return target._replace(valid=target.valid & (target.confidence >= 0.4))


def test_a_filter_may_narrow_what_is_valid(monkeypatch):
    """Then the mean is over what is left: as Threshold with over='kept'."""
    build_kept = dict(filter=dict(type='Threshold', value=0.4))
    build_kept['unsupervised'] = dict(type='MaskedCrossEntropy', over='kept')
    expected = losses(build('fixmatch', **build_kept))
    model = build('fixmatch')
    model.filter = NarrowingFilter()
    found = losses(model)
    assert 0 < found['kept'] < 1
    for key in ('kept', 'loss_strong'):
        torch.testing.assert_close(found[key], expected[key])


def test_without_mixer_and_filter_every_pixel_counts():
    model = build('fixmatch', mixer=None, filter=None)
    inputs = data(model)['inputs']
    taught = predict(model, 'teacher', inputs['weak'])
    strong = predict(model, 'student', inputs['strong'])
    expected = (supervised(model) + confident_ce(strong, taught, 0.0, mix=lambda x: x)) / 2
    found = losses(model)
    assert 'kept' not in found
    torch.testing.assert_close(model.parse_losses(found)[0], expected)


@pytest.mark.parametrize(
    ('name', 'sizes'),
    [
        ('fixmatch', [4]),  # labeled and strong together
        ('fixmatch_v1', [4, 2]),  # labeled and weak, strong
        ('unimatch', [4, 4]),  # the backbone; its head sees 8 in the first
        ('unimatch_v2', [2, 4]),
        ('cutmix_seg', [2, 2]),
        ('s4mc', [2, 2, 4]),
    ],
)
def test_who_shares_a_forward(name, sizes):
    model, seen = build(name).train(), []
    norm = model.networks['student'].backbone[1]
    norm.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    losses(model)
    assert seen == sizes


def test_groups_must_name_every_view_once():
    with pytest.raises(UserError, match="must name each of labeled, strong once, and 'labeled'"):
        build('fixmatch', joint_forward=[['labeled'], ['weak']])


def test_weights_rise_with_the_ramp():
    model = build('fixmatch', rampup_iters=10)
    model.iteration = 0
    start = losses(model)['loss_strong']
    model.iteration = 10
    torch.testing.assert_close(start, losses(model)['loss_strong'] * torch.exp(torch.tensor(-5.0)))


def test_ael_learns_the_teachers_labels_of_labeled_images_as_well():
    """Both terms: cross entropy weighed with the squared confidence, the weights' sum is 1."""
    own = dict(type='ClassSampledCrossEntropy', sample=False)
    model = build('ael', unsupervised=own, labeled_mixer=None, label_in_train_mode=False)
    found, images = losses(model), data(model)['inputs']
    for key, student, weak, mix in (
        ('loss_labeled', images['labeled'], images['labeled'], torch.clone),
        ('loss_strong', mixed(images['strong']), images['weak'], mixed),
    ):
        confidence, label = predict(model, 'teacher', weak).softmax(1).max(1)
        weight = (mix(confidence) ** 2)[:, :15, :15]
        pixels = F.cross_entropy(predict(model, 'student', student), mix(label), reduction='none')
        expected = (pixels[:, :15, :15] * weight).sum() / weight.sum()
        torch.testing.assert_close(found[key], expected)


def test_a_student_is_no_teacher_of_the_labeled_images_in_the_same_forward():
    with pytest.raises(UserError, match=r"set model.teacher='ema'"):
        build('fixmatch_v1', covers='all')


# ------------------------------------------------------------------ parts that live in time


class Rising(nn.Module):
    """Keeps the confidence it has seen as a threshold; says what it was shown."""

    def __init__(self):
        super().__init__()
        self.register_buffer('threshold', torch.zeros(()))
        self.seen = []

    def observe(self, target, progress):
        self.seen.append((target.confidence.shape, progress))
        self.threshold.copy_(target.confidence[target.valid].median())

    def forward(self, target):
        return target.weighted((target.confidence >= self.threshold).float())


@pytest.mark.parametrize('name', ['fixmatch', 'fixmatch_v1', 'unimatch'])
def test_a_filter_observes_once_an_iteration_what_it_is_about_to_be_used_on(name):
    model = build(name)
    model.filter, model.iteration, model.max_iters = Rising(), 3, 4
    found = losses(model)
    assert model.filter.seen == [((2, 16, 16), 0.75)]
    assert model.filter.threshold > 0.3 and 0.3 < found['kept'] < 0.7
    assert 'filter.threshold' in model.state_dict()


def test_a_pseudo_label_observes_the_plain_labels_that_it_is_about_to_make():
    model = build('fixmatch')
    seen = []
    plain = model.pseudo_label
    plain.observe = lambda target, progress: seen.append((target, progress))
    losses(model)
    taught = predict(model, 'teacher', data(model)['inputs']['weak'])
    (target, progress), *rest = seen
    assert not rest and progress == 0
    assert torch.equal(target.label, taught.argmax(1))


# ------------------------------------------------------------------ labeled partners


@pytest.mark.parametrize('name', ['fixmatch', 'fixmatch_v1'])
@pytest.mark.parametrize(
    'mixer', [dict(type='BoxMix', area=(1, 1)), dict(type='ClassMix', share=1)]
)
def test_labeled_images_may_be_pasted_with_their_truth(name, mixer):
    """Boxes as large as the image, or all classes: what is learned is the truth of the labeled
    images, each once, and nothing of the padding."""
    mixer = dict(mixer, partner='labeled')
    model = build(name, mixer=mixer, filter=None, perturbation=None)
    del model.mixer.draw
    batch = data(model)
    strong, labeled = (batch['inputs'][view].clone() for view in ('strong', 'labeled'))
    truth = torch.cat([s.gt_sem_seg.data for s in batch['data_samples']['labeled']])
    strong[..., :15, :15] = labeled[..., :15, :15]  # one row and one column are padding
    student = predict(model, 'student', strong)
    expected = F.cross_entropy(student, truth, ignore_index=255, reduction='sum') / (2 * 15 * 15)
    torch.testing.assert_close(losses(model)['loss_strong'], expected / 2)


def test_one_unlabeled_image_in_a_process_may_have_a_labeled_partner():
    model = build('fixmatch', mixer=dict(type='BoxMix', partner='labeled'))
    del model.mixer.draw
    batch = model.data_preprocessor(toy_batch(unlabeled=1), True)
    assert model(**batch, mode='loss')['loss_strong'].isfinite()


# ------------------------------------------------------------------ before and after the mixing


def test_colours_change_after_the_mixing():
    """What a module does to all colours it does to pasted pixels, too; the label stays."""
    threshold = dict(type='Threshold', value=0.4)
    model = build('fixmatch', filter=threshold, colours=dict(type='BatchColours'))
    plain = losses(build('fixmatch', filter=threshold))
    model.colours.forward = torch.square
    seen = []
    student = model.networks['student'].backbone
    student.register_forward_pre_hook(lambda module, images: seen.append(images[0]))
    found = losses(model)
    strong = mixed(data(model)['inputs']['strong'])
    expected = ((strong + 1) / 2).square() * 2 - 1
    torch.testing.assert_close(seen[-1][2:], expected)
    assert found['kept'] == plain['kept'] and found['loss_strong'] != plain['loss_strong']


def test_a_filter_before_mixing_leaves_pasted_truth_whole():
    """Threshold and share are those of the teacher's labels; what is pasted counts 1 (DACS)."""
    share = dict(filter=dict(type='ConfidentShare', value=0.4), filter_before_mixing=True)
    model = build('fixmatch', mixer=dict(type='BoxMix', partner='labeled'), **share)
    mask = BOX & data(model)['data_samples']['strong'][0].valid.data
    model.mixer.draw = lambda *_: MixMask(mask, torch.tensor([1, 0]), from_labeled=True)
    batch = data(model)
    views = {
        name: View(images, samples, torch.cat([sample.valid.data for sample in samples]))
        for name, images in batch['inputs'].items()
        if (samples := batch['data_samples'][name])
    }
    weight = model.prepare_views(views)['strong'].target.weight
    confidence = predict(model, 'teacher', views['weak'].inputs).softmax(1).amax(1)
    rest = (confidence[:, :15, :15] >= 0.4).float().mean()
    assert 0 < rest < 1
    torch.testing.assert_close(weight, torch.where(mask, 1.0, rest))


def test_a_teacher_may_label_in_train_mode_and_then_moves_its_own_statistics():
    model = build('fixmatch', label_in_train_mode=True).train()
    norm = model.networks['teacher'].backbone[1]
    before, seen = norm.running_mean.clone(), []
    norm.register_forward_hook(lambda module, *_: seen.append(module.training))
    losses(model)
    assert seen == [True] and not torch.equal(norm.running_mean, before) and not norm.training


@pytest.mark.parametrize('name', ['fixmatch_v1', 'unimatch'])
def test_a_student_that_labels_says_itself_in_which_mode(name):
    with pytest.raises(UserError, match="about teacher='ema'"):
        build(name, label_in_train_mode=True)
