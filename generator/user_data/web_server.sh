#!/bin/bash
# Turns a fresh Amazon Linux 2023 instance into a web server of the platform, and tells CloudFormation how that went.
# Settings come before this line: ENVIRONMENT_NAME REGION STACK_NAME TARGET_PROTOCOL FILE_SYSTEM_ID ACCESS_POINT_ID
# RELEASE_BUCKET ARCHIVE_KEY LOG_GROUP METRIC_NAMESPACE. Running it twice does no harm.
set -euo pipefail
exec > >(tee -a /var/log/web-server-bootstrap.log) 2>&1

readonly ATTEMPTS=10
readonly PAUSE_SECONDS=6
readonly APPLICATION=/srv/application
readonly IMAGES=/srv/product-images
readonly CERTIFICATES=/etc/pki/web-server

report_to_cloudformation() {
    local status=$?
    /opt/aws/bin/cfn-signal --region "$REGION" --stack "$STACK_NAME" --resource WebServerGroup --exit-code "$status"
}
trap report_to_cloudformation EXIT

# Packages, mount targets and AWS APIs may take a moment to answer a server that has just got its network.
retry() {
    local attempt
    for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
        if "$@"; then
            return 0
        fi
        echo "Attempt $attempt of $ATTEMPTS failed: $*"
        sleep "$PAUSE_SECONDS"
    done
    return 1
}

install_packages() {
    retry dnf install --assumeyes nginx openssl amazon-efs-utils amazon-cloudwatch-agent
}

mount_product_images() {
    mkdir -p "$IMAGES"
    local options="_netdev,nofail,tls,iam,accesspoint=$ACCESS_POINT_ID"
    local entry="$FILE_SYSTEM_ID:/ $IMAGES efs $options 0 0"
    grep -qxF "$entry" /etc/fstab || echo "$entry" >>/etc/fstab
    mountpoint --quiet "$IMAGES" || retry mount "$IMAGES"
}

fetch_application() {
    mkdir -p "$APPLICATION/public"
    if [[ -z "$ARCHIVE_KEY" ]]; then
        echo "<!doctype html><title>In service</title><h1>In service</h1><p>No application has been released yet." \
            >"$APPLICATION/public/index.html"
        return
    fi
    local archive
    archive=$(mktemp --suffix=.tar.gz)
    retry aws s3 cp --region "$REGION" --only-show-errors "s3://$RELEASE_BUCKET/$ARCHIVE_KEY" "$archive"
    tar --extract --gzip --no-same-owner --file "$archive" --directory "$APPLICATION"
    rm --force "$archive"
}

# The load balancer encrypts to the servers but does not validate their certificates, so that each server makes its own.
make_certificate() {
    [[ "$TARGET_PROTOCOL" == HTTPS && ! -f "$CERTIFICATES/server.key" ]] || return 0
    install --directory --mode 0700 "$CERTIFICATES"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj "/CN=$(hostname --fqdn)" \
        -keyout "$CERTIFICATES/server.key" -out "$CERTIFICATES/server.crt"
}

configure_nginx() {
    local listen="listen 80 default_server;"
    if [[ "$TARGET_PROTOCOL" == HTTPS ]]; then
        listen="listen 443 ssl default_server;
        ssl_certificate $CERTIFICATES/server.crt;
        ssl_certificate_key $CERTIFICATES/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;"
    fi
    cat >/etc/nginx/nginx.conf <<NGINX
user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log warn;
pid /run/nginx.pid;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    server_tokens off;
    sendfile on;
    # Longer than the load balancer's idle timeout, so that it is never the server that closes a connection in use.
    keepalive_timeout 75s;

    server {
        $listen
        root $APPLICATION/public;

        # Shallow on purpose: a database that is down must not make the load balancer replace healthy servers.
        location = /healthz {
            access_log off;
            default_type text/plain;
            return 200 "ok\n";
        }

        location /product-images/ {
            alias $IMAGES/;
        }
    }
}
NGINX
    nginx -t
    systemctl enable nginx
    systemctl restart nginx
}

configure_cloudwatch_agent() {
    local configuration=/opt/aws/amazon-cloudwatch-agent/etc/web-server.json
    cat >"$configuration" <<AGENT
{
  "agent": {"region": "$REGION", "omit_hostname": true},
  "logs": {"logs_collected": {"files": {"collect_list": [
    {"file_path": "/var/log/nginx/access.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/access"},
    {"file_path": "/var/log/nginx/error.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/error"},
    {"file_path": "/var/log/web-server-bootstrap.log", "log_group_name": "$LOG_GROUP",
     "log_stream_name": "{instance_id}/bootstrap"}
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
  }
}
AGENT
    /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c "file:$configuration"
}

check_health() {
    local scheme=${TARGET_PROTOCOL,,}
    retry curl --silent --show-error --fail --insecure --output /dev/null "$scheme://127.0.0.1/healthz"
}

install_packages
mount_product_images
fetch_application
make_certificate
configure_nginx
configure_cloudwatch_agent
check_health
