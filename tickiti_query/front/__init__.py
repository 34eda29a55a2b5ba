"""The front: a worker of gunicorn that gives threads to whole requests only, and takes whole answers from them."""
