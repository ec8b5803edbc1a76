"""CloudWatch: the group's average CPU utilisation, minute by minute, and alarms on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from generator.errors import UserError
from generator.scaling.design import Alarm
from generator.scaling.facts import MINUTE


@dataclass
class GroupMetric:
    """The samples of all servers that count: by minute, their sum and number."""

    samples: dict[int, tuple[float, int]] = field(default_factory=dict)

    def publish(self, minute: int, percent: float) -> None:
        """Add one server's data point to the minute that it begins with."""
        total, number = self.samples.get(minute, (0.0, 0))
        self.samples[minute] = (total + percent, number + 1)

    def average(self, begin: int, end: int) -> float | None:
        """Return the average of the minutes from begin to before end; None where there is no data."""
        found = [self.samples[minute] for minute in range(begin, end) if minute in self.samples]
        return sum(total for total, _ in found) / sum(number for _, number in found) if found else None


@dataclass
class AlarmState:
    """An alarm, and whether it is on.

    Its window slides: it ends with the newest minute that has arrived.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
    """

    alarm: Alarm
    on: bool = False
    newest: float = 0.0
    """The newest data point that breached."""

    def evaluate(self, metric: GroupMetric, end: int) -> bool:
        """Look at the periods before a minute; return whether the alarm is on."""
        length = self.alarm.period // MINUTE
        if length * MINUTE != self.alarm.period:
            raise UserError(f"{self.alarm.name}: the simulation knows periods of whole minutes only")
        windows = [end - length * (number + 1) for number in range(self.alarm.periods)]
        points = [metric.average(begin, begin + length) for begin in windows if begin >= 0]
        breaching = [value for value in points if value is not None and self.alarm.breaches(value)]
        missing = self.alarm.periods - sum(value is not None for value in points)
        self.on = self._verdict(len(breaching), missing)
        if breaching:
            self.newest = breaching[0]
        return self.on

    def _verdict(self, breaching: int, missing: int) -> bool:
        """Decide as the alarm says how missing data counts.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        """
        if missing == self.alarm.periods and self.alarm.missing == "ignore":
            return self.on
        counted = breaching + (missing if self.alarm.missing == "breaching" else 0)
        return counted >= self.alarm.datapoints
