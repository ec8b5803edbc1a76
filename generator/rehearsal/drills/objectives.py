"""What may be lost and how long it may take, per store; and what is known of how long AWS takes.

`make drill` holds the first; the second it cannot: its seconds are the emulator's.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Objective:
    """How much of the newest data may be lost (recovery point), and after how long it must be back (recovery time).

    `on_aws` is between what and what the procedure takes there, `because` why, `sources` where that is from. All times
    are in seconds.
    """

    point: int
    time: int
    on_aws: tuple[int, int]
    because: str
    sources: tuple[str, ...]


SESSIONS = Objective(
    point=5 * MINUTE,
    time=2 * HOUR,
    on_aws=(25 * MINUTE, 65 * MINUTE),
    because="a table can be restored until 5 minutes ago; a restore takes 20 minutes at least and an hour as a rule",
    sources=(
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html",
        "https://repost.aws/knowledge-center/dynamodb-restore-taking-long",
    ),
)
DATABASE_LOST = Objective(
    point=5 * MINUTE,
    time=2 * HOUR,
    on_aws=(10 * MINUTE, 40 * MINUTE),
    because="an estimate: a small instance is made in 5 to 17 minutes, and a day of changes at most is repeated",
    sources=("https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html",),
)
DATABASE_DAMAGED = Objective(
    point=5 * MINUTE,
    time=2 * HOUR,
    on_aws=(25 * MINUTE, 55 * MINUTE),
    because="as for a lost one, after 5 minutes until the log is shipped and 10 for renaming the damaged one",
    sources=(
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html",
    ),
)
IMAGES = Objective(
    point=DAY,
    time=4 * HOUR,
    on_aws=(15 * MINUTE, 2 * HOUR),
    because="an estimate: AWS says nothing, it depends on the number of files",
    sources=("https://docs.aws.amazon.com/aws-backup/latest/devguide/restoring-efs.html",),
)
BUCKETS = Objective(
    point=0,
    time=15 * MINUTE,
    on_aws=(MINUTE, 5 * MINUTE),
    because="an estimate: a few calls for each object, and CloudFront has to forget what it keeps",
    sources=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/RestoringPreviousVersions.html",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Invalidation.html",
    ),
)
WEB_SERVER = Objective(
    point=0,
    time=15 * MINUTE,
    on_aws=(2 * MINUTE, 11 * MINUTE),
    because="2 health checks 10 seconds apart, then a boot, for which the template allows 10 minutes",
    sources=(
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
        "https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html",
    ),
)
RELEASE = Objective(
    point=0,
    time=45 * MINUTE,
    on_aws=(5 * MINUTE, 30 * MINUTE),
    because="up to 3 web servers, one after the other, and 10 minutes at most for each",
    sources=(
        "https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html",
    ),
)
