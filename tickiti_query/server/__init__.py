"""gunicorn: the worker that serves the app, its clients and their time limits."""
