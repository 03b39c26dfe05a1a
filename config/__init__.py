"""Settings, URLs, the Celery app with its beat schedule, and the table of API errors.

The only package that knows all apps; nothing in it is a concept of its own.
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
