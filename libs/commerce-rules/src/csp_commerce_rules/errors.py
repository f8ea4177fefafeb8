"""Errors of the commerce rules.

RuleError
├── EndDateNotAllowed   coterm
└── (gates answer with a Refusal instead: a refusal is an answer, not a failure)
"""


class RuleError(Exception):
    """A rule of commerce forbids what was asked. `code` is stable, the text names the rule."""

    code = "rule-broken"
