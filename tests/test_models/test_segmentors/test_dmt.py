import torch
import torch.nn.functional as F
from mmengine.structures import PixelData

from semiseg_mm.models import MutualCrossEntropy
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.testing import toy_batch, toy_network


def test_labels_are_weighed_by_agreement_and_by_who_is_surer():
    """Four pixels of two classes, label 0; this network gives it 0.8, 0.4, 0.4 and, on padding,
    0.9. It agrees with the first: 0.8^2. With a confidence of 0.7 of the other one's it believes
    the second: 0.4^3; with 0.5 it is surer itself, with 0.6, and learns nothing from the third."""
    given = torch.tensor([[[0.8, 0.4], [0.4, 0.9]]])
    confidence = torch.tensor([[[0.3, 0.7], [0.5, 1.0]]])
    valid = torch.tensor([[[True, True], [True, False]]])
    target = PseudoLabel(torch.zeros(1, 2, 2, dtype=torch.long), confidence, valid)
    loss = MutualCrossEntropy(agree=2, disagree=3)(torch.stack([given, 1 - given], 1).log(), target)
    expected = -(0.8**2 * torch.tensor(0.8).log() + 0.4**3 * torch.tensor(0.4).log()) / 3
    torch.testing.assert_close(loss, expected)


def test_the_loss_is_one_mean_over_all_labeled_pixels():
    """Two images of human labels, two of pseudo labels of which half is ignored."""
    torch.manual_seed(0)
    network = toy_network()
    network['decode_head']['loss_decode']['avg_non_ignore'] = True
    model = MODELS.build(dict(type='DMTSegmentor', segmentor=network)).eval()
    data = model.data_preprocessor(toy_batch(views=('pseudo',)), True)
    for sample in data['data_samples']['pseudo']:
        sample.gt_sem_seg.data[:, :8] = 255
        sample.confidence = PixelData(data=torch.full((1, 16, 16), 102, dtype=torch.uint8))  # 0.4
    total = model.parse_losses(model(**data, mode='loss'))[0]

    terms, pixels = [], 0
    for view in ('labeled', 'pseudo'):
        truth = torch.cat([s.gt_sem_seg.data for s in data['data_samples'][view]])
        logits = model.networks['student']._forward(data['inputs'][view])
        logits = F.interpolate(logits, (16, 16), mode='bilinear')
        loss = F.cross_entropy(logits, truth, ignore_index=255, reduction='none')
        if view == 'pseudo':
            sure, own = logits.softmax(1).max(1)
            given = logits.softmax(1).gather(1, truth.where(truth < 3, 0).unsqueeze(1)).squeeze(1)
            loss = loss * given**5 * ((own == truth) | (sure <= 0.4))
        terms.append(loss.sum())
        pixels += (truth < 255).sum()
    torch.testing.assert_close(total, sum(terms) / pixels)
