"""What gunicorn imports: `gunicorn -c config/gunicorn.conf.py wsgi:app`."""

import os

from app import create_app
from config.settings import load_settings

app = create_app(load_settings(os.environ))
