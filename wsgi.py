"""The module that gunicorn imports: `gunicorn -c config/gunicorn.conf.py wsgi:app`. Its hooks read `service`."""

import os

from app import create_service
from config.environment import read_commit
from config.settings import load_settings

service = create_service(load_settings(os.environ), read_commit(os.environ))
app = service.app
