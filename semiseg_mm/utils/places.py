"""Where configs and tools lie: in a checkout beside the package, installed inside of it."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def root_of(package: Path) -> Path:
    """Return the folder that holds configs/ and tools/; an installed package has them in .mim."""
    checkout = package.parent
    return checkout if (checkout / 'configs/_base_/methods').is_dir() else package / '.mim'


ROOT = root_of(PACKAGE)
METHODS = ROOT / 'configs/_base_/methods'
