"""Ways to break what the fleets of web servers promise. `test_mutations` sees each of them noticed."""

from __future__ import annotations

from tests import fleet_claims
from tests.template_mutations import Mutation, drop, put

FORWARD = "web_tier/ForwardToWebServers/Actions/0/ForwardConfig"
TEST = "web_tier/TestWebServers"
UPDATE = ".UpdatePolicy/AutoScalingRollingUpdate"
BLUE, GREEN = "web_tier/WebServerGroup", "web_tier/GreenWebServerGroup"

MUTATIONS = [
    Mutation(
        "the root lets in a fourth server",
        put("platform/Parameters/WebServerMaximum/MaxValue", 4),
        fleet_claims.check_never_more_than_three_servers,
    ),
    Mutation(
        "the group does not ask the parameter",
        put(f"{BLUE}/MaxSize", "6"),
        fleet_claims.check_never_more_than_three_servers,
    ),
    Mutation(
        "green servers come on top of the blue ones",
        put(f"{GREEN}/MaxSize", {"Ref": "WebServerMaximum"}),
        fleet_claims.check_never_more_than_three_servers,
    ),
    Mutation(
        "an update sets the number of servers",
        put(f"{GREEN}/DesiredCapacity", {"Ref": "WebServerMinimum"}),
        fleet_claims.check_never_more_than_three_servers,
    ),
    Mutation(
        "both fleets come back whole in the morning",
        put("web_tier/StartGreenWebServers/MaxSize", {"Ref": "WebServerMaximum"}),
        fleet_claims.check_never_more_than_three_servers,
    ),
    Mutation(
        "servers are not behind the load balancer",
        drop(f"{BLUE}/TargetGroupARNs"),
        fleet_claims.check_whoever_gets_requests_has_servers,
    ),
    Mutation(
        "green servers stand behind blue's weight",
        put(f"{GREEN}/TargetGroupARNs", [{"Ref": "WebServers"}]),
        fleet_claims.check_whoever_gets_requests_has_servers,
    ),
    Mutation(
        "green servers run though nobody asked for them",
        drop(f"{GREEN}/.Condition"),
        fleet_claims.check_whoever_gets_requests_has_servers,
    ),
    Mutation(
        "no green server runs where green gets requests",
        put(f"{GREEN}/.Condition", "HasOneFleet"),
        fleet_claims.check_whoever_gets_requests_has_servers,
    ),
    Mutation(
        "a fleet is complete with one server",
        put(f"{BLUE}/.CreationPolicy/ResourceSignal/Count", 1),
        fleet_claims.check_whoever_gets_requests_has_servers,
    ),
    Mutation(
        "a tenth of the requests is half of them",
        put(f"{FORWARD}/TargetGroups/0/Weight", 50),
        fleet_claims.check_one_parameter_switches_all_requests,
    ),
    Mutation(
        "a cookie keeps visitors on what is switched off",
        put(f"{FORWARD}/TargetGroupStickinessConfig", {"Enabled": True, "DurationSeconds": 3600}),
        fleet_claims.check_one_parameter_switches_all_requests,
    ),
    Mutation(
        "visitors go to green servers before there are any",
        put("web_tier/ForwardToWebServers/Tags", [{"Key": "Name", "Value": "forward"}]),
        fleet_claims.check_weights_wait_for_servers,
    ),
    Mutation(
        "green servers wait to be found healthy by nobody",
        put(f"{GREEN}/.DependsOn", ["WriteLogsAndMetrics"]),
        fleet_claims.check_weights_wait_for_servers,
    ),
    Mutation(
        "tests reach what visitors reach",
        put(f"{TEST}/Actions/0/ForwardConfig/TargetGroups/0/Weight", 100),
        fleet_claims.check_tests_reach_the_fleet_that_visitors_do_not,
    ),
    Mutation(
        "anybody tests",
        put(f"{TEST}/Conditions/0/HttpHeaderConfig/Values", ["true"]),
        fleet_claims.check_tests_reach_the_fleet_that_visitors_do_not,
    ),
    Mutation(
        "tests pass by CloudFront",
        drop(f"{TEST}/Conditions/1"),
        fleet_claims.check_tests_reach_the_fleet_that_visitors_do_not,
    ),
    Mutation(
        "the rule of visitors answers tests",
        put(f"{TEST}/Priority", 150),
        fleet_claims.check_tests_reach_the_fleet_that_visitors_do_not,
    ),
    Mutation(
        "web servers take the containers' paths",
        put("web_tier/ForwardToWebServers/Conditions/0/PathPatternConfig/Values", ["/*"]),
        fleet_claims.check_web_servers_answer_what_the_environment_says,
    ),
    Mutation(
        "web servers run beside Fargate alone",
        put("platform/WebTier/.Condition", "HasIncidentManager"),
        fleet_claims.check_web_servers_answer_what_the_environment_says,
    ),
    Mutation(
        "only EC2 says who is healthy",
        put(f"{GREEN}/HealthCheckType", "EC2"),
        fleet_claims.check_failing_servers_are_replaced,
    ),
    Mutation(
        "servers are replaced while they install themselves",
        put(f"{BLUE}/HealthCheckGracePeriod", 300),
        fleet_claims.check_failing_servers_are_replaced,
    ),
    Mutation(
        "nobody answers the health check",
        put("web_tier/GreenWebServers/HealthCheckPath", "/health"),
        fleet_claims.check_failing_servers_are_replaced,
    ),
    Mutation(
        "an update does not wait for new servers",
        put(f"{BLUE}/{UPDATE}/WaitOnResourceSignals", False),
        fleet_claims.check_rolling_update_keeps_the_minimum_and_waits,
    ),
    Mutation(
        "an update goes below the minimum",
        put(f"{BLUE}/{UPDATE}/MinInstancesInService", 0),
        fleet_claims.check_rolling_update_keeps_the_minimum_and_waits,
    ),
    Mutation(
        "an update has no room beside the other fleet",
        put(f"{GREEN}/{UPDATE}/MinInstancesInService", {"Ref": "WebServerMinimum"}),
        fleet_claims.check_rolling_update_keeps_the_minimum_and_waits,
    ),
    Mutation(
        "servers are replaced during an update",
        put(f"{BLUE}/{UPDATE}/SuspendProcesses", ["AZRebalance", "AlarmNotification"]),
        fleet_claims.check_rolling_update_keeps_the_minimum_and_waits,
    ),
    Mutation(
        "servers that report nothing are busy servers",
        put("web_tier/SustainedLoad/TreatMissingData", "breaching"),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "two servers start at once",
        put("web_tier/AddOneServer/StepAdjustments/0/ScalingAdjustment", 2),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "the load of the whole account ends a server",
        drop("web_tier/LoadIsOver/Dimensions"),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "green servers scale by the load of blue ones",
        put("web_tier/AddOneServer/AutoScalingGroupName", {"Ref": "WebServerGroup"}),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "two fleets scale",
        drop("web_tier/SustainedLoad/.Condition"),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "two servers end within a minute",
        put("web_tier/RemoveOneServer/Cooldown", "60"),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "a short pause ends a server",
        put("web_tier/LoadIsOver/EvaluationPeriods", 1),
        fleet_claims.check_scaling_follows_the_load,
    ),
    Mutation(
        "no web server starts in the morning",
        put("web_tier/StartWebServers/DesiredCapacity", 0),
        fleet_claims.check_web_servers_end_and_begin_with_office_hours,
    ),
    Mutation(
        "green servers run all night",
        put("web_tier/StopGreenWebServers/MaxSize", 1),
        fleet_claims.check_web_servers_end_and_begin_with_office_hours,
    ),
]
