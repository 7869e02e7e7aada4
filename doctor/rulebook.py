"""The rules, in the order of the rule book. A new rule is its file and one line here."""

from __future__ import annotations

from doctor.rule import Rule
from doctor.rules.critic import Critic
from doctor.rules.disc_runaway import DiscRunaway
from doctor.rules.disc_stuck import DiscStuck
from doctor.rules.disc_zero import DiscZero
from doctor.rules.plateau import Plateau
from doctor.rules.uturn import UTurn

RULES: tuple[Rule, ...] = (DiscStuck(), DiscRunaway(), DiscZero(), UTurn(), Plateau(), Critic())
