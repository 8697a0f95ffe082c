from torch import nn

from semiseg_mm.registry import MODELS


class Lesson(nn.Module):
    """Hold how a teacher's labels reach the student.

    Args:
        mixer: Config of the mixing.
        view: The view that is mixed.
        colours: Config of how its colours change afterwards, or None.
        filter: Config of what decides which pixels count, or None.
    """

    def __init__(
        self,
        mixer: dict,
        view: str = 'strong',
        colours: dict | None = None,
        filter: dict | None = None,
    ) -> None:
        super().__init__()
        self.mixer = MODELS.build(mixer)
        self.view = view
        self.colours = MODELS.build(colours) if colours else None
        self.filter = MODELS.build(filter) if filter else None
