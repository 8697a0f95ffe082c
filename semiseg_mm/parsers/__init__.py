"""The words that each command takes.

Nothing here imports torch, so ``--help`` and a wrong word are answered at once.
"""
