"""The settings of the service, its log, and the configuration of gunicorn."""
