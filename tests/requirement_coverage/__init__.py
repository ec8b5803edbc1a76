"""Which requirement is met where, and what proves it: `requirements.yaml` says so, and all that it names is looked up.

`python -m tests.requirement_coverage --write` writes `docs/requirements.md` from it.
"""
