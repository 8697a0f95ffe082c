"""Imports mmseg's datasets, before any module here does, without their note on OneDL."""

from semiseg_mm.compat import without_printed_line

with without_printed_line('Could not import OneDL'):
    import mmseg.datasets  # noqa: F401
