#!/bin/bash
# Prints what the CloudWatch agent of a web server sends: log files, metrics, and the application's traces to X-Ray.
# Lines of the application that are in the embedded metric format become metrics where they arrive:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Generation_PutLogEvents.html
# Needs, besides the settings: LOGS.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html

cloudwatch_agent_configuration() {
    cat <<JSON
{
  "agent": {"region": "$REGION", "omit_hostname": true},
  "logs": {"logs_collected": {"files": {"collect_list": [
    $(log_file access),
    $(log_file error),
    $(log_file application),
    $(log_file bootstrap)
  ]}}},
  "metrics": {
    "namespace": "$METRIC_NAMESPACE",
    "append_dimensions": {"InstanceId": "\${aws:InstanceId}"},
    "aggregation_dimensions": [["Environment"]],
    "metrics_collected": {
      "mem": {"measurement": ["used_percent"], "append_dimensions": {"Environment": "$ENVIRONMENT_NAME"}},
      "disk": {"measurement": ["used_percent"], "resources": ["/"],
               "append_dimensions": {"Environment": "$ENVIRONMENT_NAME"}}
    }
  },
  "traces": {"traces_collected": {"otlp": {"http_endpoint": "127.0.0.1:4318"}}}
}
JSON
}

log_file() {
    echo "{\"file_path\": \"$LOGS/$1.log\", \"log_group_name\": \"$LOG_GROUP\", \"log_stream_name\": \"{instance_id}/$1\"}"
}
