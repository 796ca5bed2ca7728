"""The local server: the Claude API on this machine, for trying things without a key and for the tests.

It imports nothing of the rooms above; only `session` (for ``%claude use local``) and `cli` (for ``serve``) import it.
"""
