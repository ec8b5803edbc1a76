"""Ways to break what the alarms promise. `test_mutations` sees each of them noticed."""

from __future__ import annotations

from tests import alarm_claims
from tests.template_mutations import (
    Mutation,
    drop,
    put,
    refuse_tls_no_more,
    replace_text,
)

PAGE = {"Ref": "PageTopic"}
OPERATIONS = {"Ref": "OperationsTopic"}
EVERYBODY = [
    {
        "Sid": "PublishingByCloudwatch",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": ["sns:Publish"],
        "Resource": [{"Ref": "PageTopic"}],
    },
    {"Sid": "Tls", "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
]

MUTATIONS = [
    Mutation(
        "an alarm has no page in the runbook",
        put("observability/DatabaseBusy/AlarmDescription", "The database is busy."),
        alarm_claims.check_alarm_says_what_it_means_and_where_to_read_on,
    ),
    Mutation(
        "an alarm sends its reader to another's page",
        replace_text("recovery/BackupJobFailed/AlarmDescription", "#backup-job-failed", "#outage"),
        alarm_claims.check_alarm_says_what_it_means_and_where_to_read_on,
    ),
    Mutation(
        "an event comes without a page",
        put("observability/DatabaseEvent/Description", "Something of the database."),
        alarm_claims.check_alarm_says_what_it_means_and_where_to_read_on,
    ),
    Mutation(
        "an alarm tells nobody",
        drop("observability/DatabaseStorageLow/AlarmActions"),
        alarm_claims.check_alarm_tells_somebody,
    ),
    Mutation(
        "an alarm is switched off",
        put("observability/Outage/ActionsEnabled", False),
        alarm_claims.check_alarm_tells_somebody,
    ),
    Mutation(
        "a part of the outage is forgotten",
        drop("observability/Outage/AlarmRule/Fn::Join/1/1/Fn::Join/1/1"),
        alarm_claims.check_alarm_tells_somebody,
    ),
    Mutation(
        "a part of the outage pages as well",
        put("observability/ServerErrors/AlarmActions", [PAGE]),
        alarm_claims.check_nobody_is_paged_twice,
    ),
    Mutation(
        "what an outage does to answers is told besides",
        drop("observability/Degraded/ActionsSuppressor"),
        alarm_claims.check_nobody_is_paged_twice,
    ),
    Mutation(
        "a full disk wakes somebody",
        put("observability/WebServerDisk/AlarmActions", [PAGE]),
        alarm_claims.check_alarm_tells_the_right_people,
    ),
    Mutation(
        "an outage waits until morning",
        put("observability/Outage/AlarmActions/0", OPERATIONS),
        alarm_claims.check_alarm_tells_the_right_people,
    ),
    Mutation(
        "nobody hears that it is over",
        drop("observability/Outage/OKActions"),
        alarm_claims.check_alarm_tells_the_right_people,
    ),
    Mutation(
        "an acknowledged page is escalated",
        put("observability/UnacknowledgedOutage/ActionsSuppressor", {"Ref": "WebServerDisk"}),
        alarm_claims.check_unacknowledged_page_is_escalated,
    ),
    Mutation(
        "nobody is given the time to acknowledge",
        put("observability/UnacknowledgedOutage/ActionsSuppressorWaitPeriod", 60),
        alarm_claims.check_unacknowledged_page_is_escalated,
    ),
    Mutation(
        "a web server can acknowledge",
        put("observability/PageAcknowledged/Namespace", "web-platform"),
        alarm_claims.check_unacknowledged_page_is_escalated,
    ),
    Mutation(
        "one bad minute pages",
        put("observability/ServerErrors/DatapointsToAlarm", 1),
        alarm_claims.check_page_comes_within_five_minutes,
    ),
    Mutation(
        "a page takes half an hour",
        put("observability/RejectedConnections/Period", 600),
        alarm_claims.check_page_comes_within_five_minutes,
    ),
    Mutation(
        "the night pages",
        put("observability/NoHealthyServer/Metrics/2/Expression", "FILL(healthy, 0)"),
        alarm_claims.check_office_hours_page_nobody,
    ),
    Mutation(
        "the morning pages",
        put("observability/ServersAsleep/EvaluationPeriods", 1),
        alarm_claims.check_office_hours_page_nobody,
    ),
    Mutation(
        "the canary's night pages",
        put("observability/Outage/AlarmRule/Fn::Join/1/3", ""),
        alarm_claims.check_office_hours_page_nobody,
    ),
    Mutation(
        "the night of containers pages",
        put("observability/Outage/AlarmRule/Fn::Join/1/4", ""),
        alarm_claims.check_office_hours_page_nobody,
    ),
    Mutation(
        "nobody misses tasks that are all gone",
        put("observability/NoHealthyTask/TreatMissingData", "notBreaching"),
        alarm_claims.check_office_hours_page_nobody,
    ),
    Mutation(
        "nobody misses tasks",
        put("observability/NoHealthyTask/.Condition", "HasServers"),
        alarm_claims.check_whoever_answers_visitors_is_missed,
    ),
    Mutation(
        "containers that only tests reach page",
        put("observability/NoHealthyTask/.Condition", "HasContainers"),
        alarm_claims.check_whoever_answers_visitors_is_missed,
    ),
    Mutation(
        "green servers on standby page",
        put("observability/NoHealthyGreenServer/.Condition", "HasServers"),
        alarm_claims.check_whoever_answers_visitors_is_missed,
    ),
    Mutation(
        "an alarm on servers stays where there are none",
        drop("observability/WebServersBusy/.Condition"),
        alarm_claims.check_nothing_is_watched_that_is_not_there,
    ),
    Mutation(
        "lines of containers are counted where there are none",
        drop("observability/ContainerApplicationErrorsFilter/.Condition"),
        alarm_claims.check_nothing_is_watched_that_is_not_there,
    ),
    Mutation(
        "a busy task is nobody's business",
        put("observability/ContainersBusy/MetricName", "MemoryUtilization"),
        alarm_claims.check_e17_high_cpu_is_told_through_sns,
    ),
    Mutation(
        "silence is an alarm",
        put("observability/WebServersBusy/TreatMissingData", "breaching"),
        alarm_claims.check_office_hours_page_nobody,
    ),
    Mutation(
        "a busy database is nobody's business",
        put("observability/DatabaseBusy/MetricName", "ReadIOPS"),
        alarm_claims.check_e17_high_cpu_is_told_through_sns,
    ),
    Mutation(
        "who is on call hears it twice",
        drop("observability/PageMail/.Condition"),
        alarm_claims.check_incident_manager_tells_instead_of_mail,
    ),
    Mutation(
        "an outage starts no incident",
        drop("observability/Outage/AlarmActions/1"),
        alarm_claims.check_incident_manager_tells_instead_of_mail,
    ),
    Mutation(
        "pages travel in plain text",
        refuse_tls_no_more("observability/PageTopicPolicy/PolicyDocument/Statement"),
        alarm_claims.check_topics_are_for_their_publishers_alone,
    ),
    Mutation(
        "other accounts' alarms page",
        put("observability/PageTopicPolicy/PolicyDocument/Statement", EVERYBODY),
        alarm_claims.check_topics_are_for_their_publishers_alone,
    ),
    Mutation(
        "pages lie about unencrypted",
        drop("global_edge/EdgePageTopic/KmsMasterKeyId"),
        alarm_claims.check_topics_are_for_their_publishers_alone,
    ),
]
