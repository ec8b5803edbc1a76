"""How gunicorn serves the application; read by `start`.

https://docs.gunicorn.org/en/stable/settings.html
"""

from __future__ import annotations

import os

from shop.telemetry import LOGGING

wsgi_app = "shop.web:create_app()"
bind = f"{os.environ.get('ADDRESS', '127.0.0.1')}:{os.environ['PORT']}"

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8

timeout = 30
graceful_timeout = 25  # seconds for requests under way after SIGTERM
keepalive = 75  # longer than nginx keeps an idle connection, so that it is never the server that closes one in use

logconfig_dict = LOGGING
accesslog = None  # shop.telemetry logs each request, with its trace
control_socket_disable = True  # nobody steers a running server; it is replaced
