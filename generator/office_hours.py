"""Office hours: when servers, tasks and database run where an environment is not needed at night and at weekends (D13).

Said once for all that goes by them: schedules start and stop, and the database's windows and backups lie in between,
because RDS backs up and maintains only what runs. Schedules are in the environment's time zone. RDS knows UTC alone;
its windows are inside office hours for time zones from UTC-5 to UTC+4, that is from New York to Dubai.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
"""

from __future__ import annotations

OFFICE_HOURS = "HasOfficeHours"
"""The condition's name in every stack that goes by them."""

OPENS, CLOSES = 7, 20
"""The hours at which servers start, from Monday to Friday, and stop."""

# Auto Scaling's recurrences are cron's own five fields. Every evening: whoever starts servers by hand at a weekend
# need not think of stopping them.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
SERVERS_START = f"0 {OPENS} * * 1-5"
SERVERS_STOP = f"0 {CLOSES} * * *"

# EventBridge Scheduler, Application Auto Scaling and AWS Backup have AWS's six.
TASKS_START = f"cron(0 {OPENS} ? * MON-FRI *)"
TASKS_STOP = f"cron(0 {CLOSES} ? * * *)"

# The database is there before the first server and after the last.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
DATABASE_STARTS = f"cron(30 {OPENS - 1} ? * MON-FRI *)"
DATABASE_STOPS = f"cron(15 {CLOSES} ? * * *)"

# While the office is closed, every five minutes: the evening and the night, and the days of the weekend.
EVERY_NIGHT = f"cron(0/5 {CLOSES}-23,0-{OPENS - 1} ? * * *)"
EVERY_WEEKEND = f"cron(0/5 {OPENS}-{CLOSES - 1} ? * SAT,SUN *)"

DAILY_BACKUP = f"cron(30 {CLOSES - 2} ? * MON-FRI *)"
WEEKLY_BACKUP = f"cron(30 {CLOSES - 3} ? * FRI *)"
MONTHLY_BACKUP = f"cron(30 {CLOSES - 3} ? * 2#1 *)"  # on its first Monday

FIRST_UTC_OFFSET, LAST_UTC_OFFSET = -5, 4
"""Hours that time zones may be off from UTC, in summer and winter, so that the windows are in office hours."""

# In UTC. AWS Backup takes no backup from one hour before the maintenance on.
DATABASE_BACKUP_WINDOW = "12:00-13:00"
DATABASE_MAINTENANCE_WINDOW = "wed:13:30-wed:14:30"
