"""A patch that makes a checkout or installation of upstream ESPnet exportable: `python -m tools.upstream_patch`.

`part.py` says what a part of the patch is, `parts/` has one module for each, `sources/` their code, `plan.py` computes
the changed files, `checkout.py` reads and writes them.
"""
