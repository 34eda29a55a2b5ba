"""gunicorn for the rivals that run under it: the service's own settings, taken from its own file."""  # noqa: N999 - gunicorn's name for it

from runpy import run_path

ours = run_path("config/gunicorn.conf.py")
bind, workers, threads, worker_class = (ours[name] for name in ("bind", "workers", "threads", "worker_class"))
timeout, graceful_timeout, keepalive = (ours[name] for name in ("timeout", "graceful_timeout", "keepalive"))
worker_tmp_dir, control_socket_disable = ours["worker_tmp_dir"], ours["control_socket_disable"]
accesslog = ours["accesslog"]
