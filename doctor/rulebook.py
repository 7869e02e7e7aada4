"""The rules, in the order of the rule book. A new rule is its file and one line here."""

from __future__ import annotations

from doctor.rule import Rule
from doctor.rules.disc_stuck import DiscStuck

RULES: tuple[Rule, ...] = (DiscStuck(),)
