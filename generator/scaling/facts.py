"""What a simulation needs to know and no template says: how AWS behaves, each with its source, and what is assumed.

Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MINUTE, HOUR = 60, 3600

# CloudWatch

DETAILED_MONITORING, BASIC_MONITORING = 60, 300
"""Between two data points of an instance.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html"""

METRIC_DELAY = 60
"""Assumed: from the end of a minute until an alarm sees its data. AWS promises no figure."""

# EC2 and Auto Scaling

LAUNCH = 25
"""Assumed: from the wish for an instance until EC2 calls it running. Measured by others: 5 s and 17 s, and longer with
an encrypted disk, which ours have.
http://www.daemonology.net/blog/2021-08-12-EC2-boot-time-benchmarking.html
https://www.martysweet.co.uk/ec2-launch-times/"""

BOOT = 15
"""Assumed: from running until user data starts. Measured by others for Amazon Linux, until the SSH port opens: about
as much (same sources)."""

BOOTSTRAP = 150
"""Assumed: what user data needs for packages, archive and agent. Nobody has measured ours on AWS; the template allows
ten minutes (CreationPolicy), and a claim must hold with that too."""

BOOTSTRAP_CPU = 0.5
"""Assumed: one of two processors is busy while user data runs."""

HEALTH_SYNC = 30
"""Assumed: from the load balancer's verdict until Auto Scaling acts on it. AWS promises no figure."""

DEFAULT_COOLDOWN = 300
"""https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scaling-cooldowns.html"""

# Elastic Load Balancing

CONNECT_TIMEOUT = 10
"""Until a request to a server that does not answer at all is given up, with 504.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""

CHECKS_OF_A_NEW_TARGET = 1
"""Health checks that a target must pass at first; later ones are the template's.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""

# The application

CPU_PER_REQUEST = 0.04
"""Assumed: processor seconds of one request, TLS and Python included: two processors answer 50 requests a second. Loads
are given in multiples of what one server can do, so that shares and times do not hang on this figure."""

RESPONSE = 0.08
"""Assumed: seconds that a request takes on an idle server, waiting for the database included."""

LATE = 1.0
"""A visitor who waits longer than this was answered late."""


@dataclass(frozen=True)
class Processors:
    """What an instance type can do."""

    vcpus: int
    baseline: float
    """Share of its processors that it may use for ever; 1 where it does not live on credits."""
    credit_limit: int
    """CPU credits that it can save; one is a minute of one processor."""

    @property
    def credits_per_hour(self) -> float:
        """CPU credits that it earns."""
        return self.vcpus * self.baseline * 60


INSTANCE_TYPES: Mapping[str, Processors] = MappingProxyType(
    {
        "t3.nano": Processors(2, 0.05, 144),
        "t3.micro": Processors(2, 0.10, 288),
        "t3.small": Processors(2, 0.20, 576),
        "t3.medium": Processors(2, 0.20, 576),
        "t3.large": Processors(2, 0.30, 864),
        "t3.xlarge": Processors(4, 0.40, 2304),
        "t3a.micro": Processors(2, 0.10, 288),
        "t3a.small": Processors(2, 0.20, 576),
        "t3a.medium": Processors(2, 0.20, 576),
        "m6i.large": Processors(2, 1.0, 0),
        "m7i.large": Processors(2, 1.0, 0),
        "c6i.large": Processors(2, 1.0, 0),
        "c7i.large": Processors(2, 1.0, 0),
    }
)
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html
https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html"""

UNLIMITED = "unlimited"
DEFAULT_CREDITS: Mapping[str, str] = MappingProxyType({"t2": "standard", "t3": UNLIMITED, "t3a": UNLIMITED})
"""Credit mode by family, where the launch template says none and the account has kept its default.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode.html"""
