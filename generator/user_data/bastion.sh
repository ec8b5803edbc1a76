#!/bin/bash
# Turns a fresh Amazon Linux 2023 instance into a bastion: psql with TLS, and a log of who came in.
# Settings come before this line: ACCESS_MODE REGION LOG_GROUP. Running it twice does no harm.
set -euo pipefail
exec > >(tee -a /var/log/bastion-bootstrap.log) 2>&1

readonly ATTEMPTS=10
readonly PAUSE_SECONDS=6
readonly AUTHORITIES=/etc/pki/rds/global-bundle.pem

# Packages and AWS APIs may take a moment to answer a server that has just got its network.
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

# Nobody listens where Session Manager is the way in. Over SSH, EC2 Instance Connect brings a key for a minute.
configure_ssh() {
    if [[ "$ACCESS_MODE" != ssh ]]; then
        systemctl disable --now sshd
        return
    fi
    cat >/etc/ssh/sshd_config.d/10-bastion.conf <<SSH
PasswordAuthentication no
PermitRootLogin no
AllowAgentForwarding no
X11Forwarding no
MaxAuthTries 3
ClientAliveInterval 300
ClientAliveCountMax 2
LogLevel VERBOSE
SSH
    sshd -t
    systemctl restart sshd
}

install_packages() {
    retry dnf install --assumeyes postgresql17 rsyslog amazon-cloudwatch-agent
    systemctl enable --now rsyslog
}

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
trust_the_database() {
    install --directory --mode 0755 "$(dirname "$AUTHORITIES")"
    retry curl --silent --show-error --fail --output "$AUTHORITIES" \
        https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
    cat >/etc/profile.d/postgresql.sh <<PROFILE
export PGSSLMODE=verify-full PGSSLROOTCERT=$AUTHORITIES
PROFILE
}

configure_cloudwatch_agent() {
    local configuration=/opt/aws/amazon-cloudwatch-agent/etc/bastion.json
    cat >"$configuration" <<AGENT
{
  "agent": {"region": "$REGION", "omit_hostname": true},
  "logs": {"logs_collected": {"files": {"collect_list": [
    {"file_path": "/var/log/secure", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/secure"},
    {"file_path": "/var/log/bastion-bootstrap.log", "log_group_name": "$LOG_GROUP",
     "log_stream_name": "{instance_id}/bootstrap"}
  ]}}}
}
AGENT
    /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c "file:$configuration"
}

configure_ssh
install_packages
trust_the_database
configure_cloudwatch_agent
