"""D13: whatever time zone the settings accept, the database is backed up and maintained while it runs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from generator import office_hours
from generator.environment import load
from generator.errors import UserError
from tests.releases import ROOT

ZONES = sorted(zone for zone in available_timezones() if zone.count("/") == 1 and not zone.startswith("Etc/"))
DEV = json.loads((ROOT / "params/dev.json").read_text(encoding="utf-8"))
SUNDAY = datetime(2026, 1, 4)
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def accepted(folder: Path, zone: str) -> bool:
    settings = {**DEV, "Parameters": {**DEV["Parameters"], "OfficeHoursOnly": "true", "TimeZone": zone}}
    path = folder / "dev.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    try:
        load(path)
    except UserError as error:
        if "TimeZone" not in str(error):
            raise
        return False
    return True


def runs(moment: datetime) -> bool:
    """Whether the database runs at a local time."""
    opens = timedelta(hours=office_hours.OPENS)
    closes = timedelta(hours=office_hours.CLOSES)
    since_midnight = timedelta(hours=moment.hour, minutes=moment.minute)
    return moment.weekday() < 5 and opens <= since_midnight <= closes


def local(zone: str, day: str, clock: str, month: int) -> datetime:
    hour, minute = clock.split(":")
    moment = SUNDAY + timedelta(days=DAYS.index(day), hours=int(hour), minutes=int(minute))
    offset = datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return moment + offset


def in_office_hours(zone: str, month: int) -> bool:
    start, end = office_hours.DATABASE_BACKUP_WINDOW.split("-")
    day, start_of_maintenance = office_hours.DATABASE_MAINTENANCE_WINDOW.split("-")[0].split(":", 1)
    end_of_maintenance = office_hours.DATABASE_MAINTENANCE_WINDOW.split("-")[1].split(":", 1)[1]
    moments = [local(zone, any_day, clock, month) for any_day in DAYS[1:6] for clock in (start, end)]
    moments += [local(zone, day, clock, month) for clock in (start_of_maintenance, end_of_maintenance)]
    return all(runs(moment) for moment in moments)


def test_the_settings_accept_a_time_zone_only_where_windows_are_in_office_hours(tmp_path: Path) -> None:
    allowed = [zone for zone in ZONES if accepted(tmp_path, zone)]
    assert {"Europe/Amsterdam", "America/New_York", "Asia/Dubai", "Africa/Lagos"} <= set(allowed)
    assert {"Asia/Tokyo", "America/Los_Angeles", "Australia/Sydney"}.isdisjoint(allowed)
    for zone in allowed:
        assert in_office_hours(zone, 1), zone
        assert in_office_hours(zone, 7), zone
