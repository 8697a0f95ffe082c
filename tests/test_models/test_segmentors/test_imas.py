import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models.pseudo_labels import image_agreement
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel
from semiseg_mm.testing import toy_batch, toy_network
from semiseg_mm.utils.places import METHODS


def test_agreement_is_the_weighed_iou_times_the_share_of_sure_pixels():
    """2x2 pixels: the student sees classes 0 1 / 1 2, the teacher 0 1 / 2 2; the last pixel of the
    second image is padding, and the third one shows the background alone.

    First image: IoU of class 1 is 1/2, of class 2 is 1/2; so both networks' means are 1/2. The
    student is sure of 3 pixels of 4, the teacher of 2: (1/2 * 3/4 + 1/2 * 2/4) / 2. Second image,
    without the last pixel: IoU of 1 is 1/2, of 2 is 0; the student has two pixels of class 1, the
    teacher one of 1 and one of 2; sure are 2 of 3 and 1 of 3: (1/2 * 2/3 + 1/4 * 1/3) / 2.
    """
    label = torch.tensor([[[0, 1], [1, 2]]]), torch.tensor([[[0, 1], [2, 2]]])
    own, taught = (torch.cat([x, x, torch.zeros_like(x)]) for x in label)
    valid = torch.ones(3, 2, 2, dtype=torch.bool)
    valid[1, 1, 1] = False
    sure = torch.tensor([[[0.9, 0.9], [0.5, 0.9]]]), torch.tensor([[[0.5, 0.9], [0.5, 0.9]]])
    one, other = (
        PseudoLabel(x, y.repeat(3, 1, 1), valid) for x, y in zip((own, taught), sure, strict=True)
    )
    found = image_agreement(one, other, 3, threshold=0.8, without=[0])
    torch.testing.assert_close(found, torch.tensor([0.3125, 5 / 24, 0.0]))
    whole = image_agreement(one, other, 3, threshold=0.8, without=[])
    torch.testing.assert_close(whole[2], torch.tensor(0.625))  # all background, and agreed on


def easy_of(model, images, valid) -> torch.Tensor:
    size = images.shape[2:]
    own, taught = (
        F.interpolate(net._forward(images), size, mode='bilinear').softmax(1).max(1)
        for net in model.networks.values()
    )
    parts = (PseudoLabel(label, confidence, valid) for confidence, label in (own, taught))
    return image_agreement(*parts, 3, 0.34, [0])


def losses(often: float):
    """Of a fixed box; ``often`` is the number drawn against the mean agreement."""
    torch.manual_seed(0)
    cfg = Config.fromfile(METHODS / 'imas.py').model
    model = MODELS.build(dict(cfg, segmentor=toy_network(), threshold=0.34)).eval()
    for parameter in model.networks['teacher'].parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    mask = torch.zeros(3, 16, 16, dtype=torch.bool)
    mask[:, 2:9, 4:12] = True
    model.mixer.draw = lambda images, target: MixMask(mask.clone(), torch.zeros(3).long())
    data = model.data_preprocessor(toy_batch(unlabeled=3), True)
    drawn, torch.rand = torch.rand, lambda *size: torch.tensor(often)
    try:
        return model(**copy.deepcopy(data), mode='loss'), model, data, mask
    finally:
        torch.rand = drawn


def test_loss_is_the_published_formula():
    """Strong views are blended and both losses weighed by each image's agreement; the hardest and
    the easiest image are partners; a batch without CutMix has the first loss alone."""
    found, model, data, mask = losses(often=0.0)
    images, samples = data['inputs'], data['data_samples']
    valid = torch.cat([sample.valid.data for sample in samples['weak']])
    easy = easy_of(model, images['weak'], valid)
    assert len(easy.unique()) == 3 and easy.min() > 0
    ranks = easy.argsort().tolist()
    partner = [ranks[2 - ranks.index(k)] for k in range(3)]
    share = easy.view(-1, 1, 1, 1)
    strong = share * images['strong'] + (1 - share) * images['weak']
    mixed = torch.where(mask[:, None], images['weak'][partner], images['weak'])
    taught = model.networks['teacher']._forward(images['weak'])
    confidence, label = F.interpolate(taught, (16, 16), mode='bilinear').softmax(1).max(1)
    terms = []
    for seen, mix in ((strong, lambda x: x), (mixed, lambda x: torch.where(mask, x[partner], x))):
        logits = F.interpolate(model.networks['student']._forward(seen), (16, 16), mode='bilinear')
        pixels = F.cross_entropy(logits, mix(label), reduction='none')
        kept = (mix(confidence) >= 0.34) & mix(valid)
        terms.append(((pixels * kept).mean((1, 2)) * easy).mean())
    torch.testing.assert_close(found['loss_strong'], 3.0 * (terms[0] + terms[1]) / 2)
    torch.testing.assert_close(found['easy'], easy.mean())
    torch.testing.assert_close(losses(often=1.0)[0]['loss_strong'], 3.0 * terms[0])


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(without=[0, 7]), 'without=7 of IMASSegmentor is none of 0, 1, 2'),
        (dict(mixer=dict(type='ClassMix')), 'mixer of IMASSegmentor draws boxes: take BoxMix'),
        (dict(mixer=dict(type='BoxMix', partner='labeled')), "mixer.partner='labeled' .* is none"),
        (dict(mixer=dict(type='BoxMix', partner='nobody')), "mixer.partner='nobody' .* is none"),
    ],
)
def test_what_cannot_work_is_refused(options, says):
    with pytest.raises(UserError, match=says):
        MODELS.build(dict(type='IMASSegmentor', segmentor=toy_network(), **options))
