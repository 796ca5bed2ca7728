"""The engine that ships with the local server: no language model, and it says so.

::

    prompts   request -> prompt, earlier prompts, table told of      (pure)
    columns   sentence -> the columns it names                       (pure)
    phrases   clause -> roles, aggregations, numbers, conditions     (pure)
    conditions  clause -> which rows it is about                     (pure)
    intents   prompt -> Plan, with builders, one per intent          (pure)
    scripts   Plan and Table -> a pandas program                     (pure)
    wording   Plan and figures -> Markdown                           (pure)
    look      the program that lists a file's columns
    talk      answers without a table
    engine    drives the above through the server's tools
"""

from __future__ import annotations

from claude_magic.local.standin.engine import StandIn

__all__ = ["StandIn"]
