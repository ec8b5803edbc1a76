#!/bin/bash
# Prints nginx's configuration for one web server. What it needs comes in variables, so that a rehearsal can run several
# servers on one machine with the very configuration that a server gets:
#   LISTEN           port, or address and port
#   TARGET_PROTOCOL  HTTPS, with server.crt and server.key in CERTIFICATES, or HTTP
#   APPLICATION      the unpacked archive: public/ is served; where it has a start, that answers on PORT
#   IMAGES           folder of the product images
#   TRUSTED_PROXIES  network whose word on the client's address is taken
#   LOGS TEMPORARY   folders; NGINX_USER, PID_FILE

nginx_configuration() {
    cat <<NGINX
user $NGINX_USER;
worker_processes auto;
worker_rlimit_nofile 4096;
pid $PID_FILE;
error_log $LOGS/error.log warn;

events {
    worker_connections 1024;
}

http {
$(nginx_defaults)
    access_log $LOGS/access.log json;
    client_body_temp_path $TEMPORARY/client_body;
    proxy_temp_path $TEMPORARY/proxy;
    set_real_ip_from $TRUSTED_PROXIES;
    # More requests than these at once would wait longer than a health check does: better a few 503 than that the load
    # balancer gives up servers which answer (W7). The check itself is not counted.
    limit_conn_zone all zone=application:32k;
    upstream application {
        server 127.0.0.1:$PORT;
        keepalive 16;
        # Shorter than the application keeps a connection, so that it is not used while the application closes it.
        keepalive_timeout 15s;
    }

    server {
$(nginx_listener)
        root $APPLICATION/public;
        error_page 404 /404.html;
        add_header Cache-Control \$cache_control always;
        add_header Referrer-Policy strict-origin-when-cross-origin always;
        add_header X-Request-Id \$request_id always;
$(nginx_application)
        location ^~ /product-images/ {
            alias $IMAGES/;
        }
$(nginx_pages)
    }
}
NGINX
}

# What is the same on every server. The load balancer sets the other security headers.
nginx_defaults() {
    cat <<'NGINX'
default_type application/octet-stream;
types {
    text/html html;
    text/css css;
    text/javascript js mjs;
    text/plain txt;
    application/json json map;
    application/manifest+json webmanifest;
    image/avif avif;
    image/jpeg jpg jpeg;
    image/png png;
    image/svg+xml svg;
    image/webp webp;
    image/x-icon ico;
    font/woff2 woff2;
}
charset utf-8;
charset_types text/css text/javascript text/plain;

server_tokens off;
sendfile on;
gzip on;
gzip_vary on;
gzip_proxied any;
gzip_min_length 1024;
gzip_types text/css text/javascript text/plain application/json image/svg+xml;

# Longer than the load balancer's idle timeout, so that it is never the server that closes a connection in use.
keepalive_timeout 75s;
client_header_timeout 15s;
client_body_timeout 15s;
client_max_body_size 8m;
send_timeout 30s;

real_ip_header X-Forwarded-For;
# Without the query, which may hold what nobody should read in a log.
map $request_uri $path {
    ~^(?<before_query>[^?]*) $before_query;
}
log_format json escape=json '{"time":"$time_iso8601","request_id":"$request_id",'
    '"trace_id":"$http_x_amzn_trace_id","client":"$remote_addr","forwarded_for":"$http_x_forwarded_for",'
    '"method":"$request_method","host":"$host","path":"$path","status":$status,"bytes":$body_bytes_sent,'
    '"seconds":$request_time,"application_seconds":"$upstream_response_time","user_agent":"$http_user_agent"}';

# The application speaks for its own answers; of the others only a file that was found may be kept.
map $status:$uri $cache_control {
    ~^[0-9]+:(/api/|/healthz$) "";
    ~^(200|206|304):/assets/ "public, max-age=31536000, immutable";
    ~^(200|206|304):/product-images/ "public, max-age=86400, must-revalidate";
    default no-cache;
}

proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $host;
# The one address that is certain; what a client wrote into the header is gone.
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Request-Id $request_id;
# What CloudFront and testers prove themselves with is not for the application.
proxy_set_header X-Origin-Verify "";
proxy_set_header X-Web-Platform-Test "";
proxy_hide_header Referrer-Policy;
proxy_connect_timeout 2s;
proxy_read_timeout 30s;
# There is one application, so that this repeats a request only on a kept connection that turns out to be closed.
proxy_next_upstream error;
NGINX
}

nginx_listener() {
    if [[ "$TARGET_PROTOCOL" != HTTPS ]]; then
        echo "        listen $LISTEN default_server;"
        return
    fi
    cat <<NGINX
        listen $LISTEN ssl default_server;
        ssl_certificate $CERTIFICATES/server.crt;
        ssl_certificate_key $CERTIFICATES/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_session_cache shared:sessions:1m;
        ssl_session_tickets off;
NGINX
}

nginx_application() {
    local health='default_type text/plain; return 200 "ok\n";' api='return 404;'
    if [[ -x "$APPLICATION/start" ]]; then
        health='proxy_pass http://application;'
        api=$health
    fi
    cat <<NGINX
        location = /healthz {
            access_log off;
            $health
        }
        location ^~ /api/ {
            limit_conn application 48;
            $api
        }
NGINX
}

# A path without extension is one that the storefront's own router knows.
nginx_pages() {
    cat <<'NGINX'
        location ~ \.[^/]*$ {
            try_files $uri =404;
        }
        location ^~ /assets/ {
            try_files $uri =404;
        }
        location / {
            try_files $uri /index.html;
        }
NGINX
}
