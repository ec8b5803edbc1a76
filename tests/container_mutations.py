"""Ways to break what the containers promise. `test_mutations` sees each of them noticed."""

from __future__ import annotations

from tests import container_claims as claims
from tests.template_mutations import Mutation, drop, put

TASK = "containers/TaskDefinition/ContainerDefinitions"
APPLICATION, MIGRATION, COLLECTOR = (f"{TASK}/{index}" for index in range(3))
DEPLOYMENT = "containers/Service/DeploymentConfiguration"
BALANCER = "containers/Service/LoadBalancers/0"
RULE, TEST = "containers/ForwardToContainers", "containers/TestContainers"
ANY_PATH = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
PATHS_OF_AN_ENVIRONMENT = {"Field": "path-pattern", "PathPatternConfig": {"Values": {"Ref": "ServerPaths"}}}
BLUE_ALONE = [{"Type": "forward", "TargetGroupArn": {"Ref": "BlueContainers"}}]

MUTATIONS = [
    Mutation(
        "tasks get public addresses",
        put("containers/Service/NetworkConfiguration/AwsvpcConfiguration/AssignPublicIp", "ENABLED"),
        claims.check_tasks_have_no_public_address,
    ),
    Mutation(
        "the application is root",
        put(f"{APPLICATION}/User", "0"),
        claims.check_containers_are_confined,
    ),
    Mutation(
        "the collector is in the group of root",
        put(f"{COLLECTOR}/User", "1001"),
        claims.check_containers_are_confined,
    ),
    Mutation(
        "the migration writes into its image",
        put(f"{MIGRATION}/ReadonlyRootFilesystem", False),
        claims.check_containers_are_confined,
    ),
    Mutation(
        "a container keeps capabilities",
        put(f"{COLLECTOR}/LinuxParameters/Capabilities/Drop", ["NET_RAW"]),
        claims.check_containers_are_confined,
    ),
    Mutation(
        "operators run commands in tasks",
        put("containers/Service/EnableExecuteCommand", True),
        claims.check_containers_are_confined,
    ),
    Mutation(
        "the migration is another image",
        put(f"{MIGRATION}/Image", {"Ref": "CollectorImage"}),
        claims.check_images_are_named_by_digest,
    ),
    Mutation(
        "an image is named by a tag",
        put("containers/Parameters/ApplicationImage/AllowedPattern", r"^\d{12}\.dkr\.ecr\..*$"),
        claims.check_images_are_named_by_digest,
    ),
    Mutation(
        "the secret is a variable",
        put(f"{APPLICATION}/Environment/0/Name", "APPLICATION_SECRET"),
        claims.check_secrets_are_in_no_task_definition,
    ),
    Mutation(
        "the secret's value is in the task definition",
        put(f"{APPLICATION}/Environment/0/Value", "{{resolve:secretsmanager:application}}"),
        claims.check_secrets_are_in_no_task_definition,
    ),
    Mutation(
        "the secret is encrypted with a key of AWS",
        drop("containers/ApplicationSecret/KmsKeyId"),
        claims.check_secrets_are_in_no_task_definition,
    ),
    Mutation(
        "pictures travel in clear text",
        put("containers/TaskDefinition/Volumes/0/EFSVolumeConfiguration/TransitEncryption", "DISABLED"),
        claims.check_product_images_are_mounted_as_the_tasks_role_and_encrypted,
    ),
    Mutation(
        "pictures are mounted past the access point",
        drop("containers/TaskDefinition/Volumes/0/EFSVolumeConfiguration/AuthorizationConfig"),
        claims.check_product_images_are_mounted_as_the_tasks_role_and_encrypted,
    ),
    Mutation(
        "application and migration share what they write",
        put(f"{MIGRATION}/MountPoints/1/SourceVolume", "application-scratch"),
        claims.check_product_images_are_mounted_as_the_tasks_role_and_encrypted,
    ),
    Mutation(
        "green tasks are asked over HTTP",
        put("containers/GreenContainers/Protocol", "HTTP"),
        claims.check_targets_speak_what_the_environment_says,
    ),
    Mutation(
        "the load balancer asks another port",
        put(f"{BALANCER}/ContainerPort", 8080),
        claims.check_targets_speak_what_the_environment_says,
    ),
    Mutation(
        "paths of the environment are in the rule of production",
        put(f"{RULE}/Conditions/0", PATHS_OF_AN_ENVIRONMENT),
        claims.check_no_daily_setting_touches_the_rule_of_production,
    ),
    Mutation(
        "weights go by a setting",
        put(f"{RULE}/Actions/0/ForwardConfig/TargetGroups/1/Weight", {"Fn::If": ["ShiftsByCanary", 10, 0]}),
        claims.check_no_daily_setting_touches_the_rule_of_production,
    ),
    Mutation(
        "the target group goes by a setting, and the rule with it",
        put("containers/BlueContainers/HealthCheckIntervalSeconds", {"Ref": "ContainerBakeMinutes"}),
        claims.check_no_daily_setting_touches_the_rule_of_production,
    ),
    Mutation(
        "the rule comes and goes",
        put(f"{RULE}/.Condition", "ShiftsByCanary"),
        claims.check_no_daily_setting_touches_the_rule_of_production,
    ),
    Mutation(
        "the rule knows one group",
        put(f"{RULE}/Actions", BLUE_ALONE),
        claims.check_visitors_reach_the_version_that_ecs_says,
    ),
    Mutation(
        "visitors are bound to a version",
        put(f"{RULE}/Actions/0/ForwardConfig/TargetGroupStickinessConfig", {"Enabled": True, "DurationSeconds": 60}),
        claims.check_visitors_reach_the_version_that_ecs_says,
    ),
    Mutation(
        "ECS shifts tests in place of visitors",
        put(f"{BALANCER}/AdvancedConfiguration/ProductionListenerRule", {"Ref": "TestContainers"}),
        claims.check_visitors_reach_the_version_that_ecs_says,
    ),
    Mutation(
        "everybody tests the new version",
        put(f"{TEST}/Conditions/0", ANY_PATH),
        claims.check_a_new_version_is_tested_by_who_knows_the_secret,
    ),
    Mutation(
        "the secret of tests is known",
        put(f"{TEST}/Conditions/0/HttpHeaderConfig/Values", ["green"]),
        claims.check_a_new_version_is_tested_by_who_knows_the_secret,
    ),
    Mutation(
        "visitors' rule comes before the tests'",
        put(f"{TEST}/Priority", 300),
        claims.check_a_new_version_is_tested_by_who_knows_the_secret,
    ),
    Mutation(
        "tests come past CloudFront",
        drop(f"{TEST}/Conditions/1"),
        claims.check_a_new_version_is_tested_by_who_knows_the_secret,
    ),
    Mutation(
        "visitors come past CloudFront",
        drop(f"{RULE}/Conditions/1"),
        claims.check_a_new_version_is_tested_by_who_knows_the_secret,
    ),
    Mutation(
        "tasks that never start stay",
        put(f"{DEPLOYMENT}/DeploymentCircuitBreaker/Rollback", False),
        claims.check_a_bad_version_is_rolled_back,
    ),
    Mutation(
        "an alarm of a deployment is not looked at",
        drop(f"{DEPLOYMENT}/Alarms/AlarmNames/0"),
        claims.check_a_bad_version_is_rolled_back,
    ),
    Mutation(
        "an alarm stops a deployment half way",
        put(f"{DEPLOYMENT}/Alarms/Rollback", False),
        claims.check_a_bad_version_is_rolled_back,
    ),
    Mutation(
        "what nobody approved goes on",
        put(f"{DEPLOYMENT}/LifecycleHooks/Fn::If/1/0/TimeoutConfiguration/Action", "CONTINUE"),
        claims.check_a_bad_version_is_rolled_back,
    ),
    Mutation(
        "visitors come before approval",
        put(f"{DEPLOYMENT}/LifecycleHooks/Fn::If/1/0/LifecycleStages", ["POST_PRODUCTION_TRAFFIC_SHIFT"]),
        claims.check_a_bad_version_is_rolled_back,
    ),
    Mutation(
        "tasks are replaced one by one",
        put(f"{DEPLOYMENT}/Strategy", "ROLLING"),
        claims.check_a_bad_version_is_rolled_back,
    ),
    Mutation(
        "an alarm knows the blue version twice",
        put(
            "containers/DeploymentSlow/Metrics/1/MetricStat/Metric/Dimensions/1/Value/Fn::GetAtt/0",
            "BlueContainers",
        ),
        claims.check_alarms_of_a_deployment_see_both_versions,
    ),
    Mutation(
        "an alarm forgets the green version",
        put("containers/DeploymentUnhealthy/Metrics/2/Expression", "unhealthy_blue"),
        claims.check_alarms_of_a_deployment_see_both_versions,
    ),
    Mutation(
        "an alarm comes after the deployment",
        put("containers/DeploymentErrors/EvaluationPeriods", 15),
        claims.check_alarms_of_a_deployment_see_both_versions,
    ),
    Mutation(
        "tasks without end",
        put("containers/ScalableTarget/MaxCapacity", 10),
        claims.check_never_more_tasks_than_servers_are_allowed,
    ),
    Mutation(
        "an update undoes what scaling did",
        put("containers/Service/DesiredCount", 1),
        claims.check_never_more_tasks_than_servers_are_allowed,
    ),
    Mutation(
        "tasks run at night",
        put("containers/ScalableTarget/ScheduledActions/Fn::If/1/1/ScalableTargetAction/MinCapacity", 1),
        claims.check_never_more_tasks_than_servers_are_allowed,
    ),
    Mutation(
        "idle tasks end one after the other",
        put("containers/RemoveOneTask/StepScalingPolicyConfiguration/Cooldown", 60),
        claims.check_tasks_follow_the_load,
    ),
    Mutation(
        "idle tasks are added to",
        put("containers/TasksIdle/AlarmActions/0", {"Ref": "AddOneTask"}),
        claims.check_tasks_follow_the_load,
    ),
    Mutation(
        "a moment's load starts a task",
        put("containers/TasksBusy/EvaluationPeriods", 1),
        claims.check_tasks_follow_the_load,
    ),
    Mutation(
        "AWS may take back the first task",
        put("containers/Service/CapacityProviderStrategy/0/Base", 0),
        claims.check_the_first_task_is_never_taken_back,
    ),
    Mutation(
        "all capacity is spare",
        put("containers/Service/CapacityProviderStrategy/0/CapacityProvider", "FARGATE_SPOT"),
        claims.check_the_first_task_is_never_taken_back,
    ),
    Mutation(
        "ECS changes every rule",
        put("containers/ShiftTraffic/PolicyDocument/Statement/2/Resource", ["*"]),
        claims.check_ecs_may_shift_these_visitors_and_no_others,
    ),
    Mutation(
        "ECS changes listeners",
        put("containers/ShiftTraffic/PolicyDocument/Statement/2/Action", ["elasticloadbalancing:ModifyListener"]),
        claims.check_ecs_may_shift_these_visitors_and_no_others,
    ),
    Mutation(
        "ECS has AWS's policy besides",
        put("containers/DeploymentRole/ManagedPolicyArns", ["AmazonECSInfrastructureRolePolicyForLoadBalancers"]),
        claims.check_ecs_may_shift_these_visitors_and_no_others,
    ),
    Mutation(
        "tasks read every secret",
        put("containers/StartTasks/PolicyDocument/Statement/3/Resource", ["*"]),
        claims.check_tasks_start_with_what_is_theirs_alone,
    ),
    Mutation(
        "tasks of other accounts start with our role",
        drop("containers/ExecutionRole/AssumeRolePolicyDocument/Statement/0/Condition/ArnLike"),
        claims.check_tasks_start_with_what_is_theirs_alone,
    ),
    Mutation(
        "a key opens everything by itself",
        put("containers/StartTasks/PolicyDocument/Statement/4/Condition", {}),
        claims.check_tasks_start_with_what_is_theirs_alone,
    ),
    Mutation(
        "a full log keeps visitors waiting",
        put(f"{APPLICATION}/LogConfiguration/Options/mode", "blocking"),
        claims.check_lines_of_every_container_are_kept,
    ),
    Mutation(
        "Container Insights makes a log group of its own",
        put("containers/Cluster/ClusterName/Fn::Sub/0", "shop-${EnvironmentName}-${OfThisStack}"),
        claims.check_lines_of_every_container_are_kept,
    ),
    Mutation(
        "the next cluster has the name of the one before",
        put("containers/Cluster/ClusterName/Fn::Sub/1/OfThisStack", "containers"),
        claims.check_lines_of_every_container_are_kept,
    ),
]
