"""What happens by the clock. Celery's beat rings; the tasks are in tasks.py."""

from celery.schedules import crontab

SCHEDULE = {
    "sweep uploads nobody finished": {"task": "workers.sweep_uploads", "schedule": crontab(minute=20)},
    "book the day's storage": {"task": "workers.book_storage", "schedule": crontab(hour=0, minute=5)},
}
