"""Notifications: people and programs are told how runs ended, by email, chat or webhook."""

from __future__ import annotations

from aqueduct_core.notifications._kinds import KINDS, Notification, open_notification
from aqueduct_core.notifications._message import LEVELS, Level, Message, Problem, level_of
from aqueduct_core.notifications._notify import Delivery, notify

__all__ = [
    "KINDS",
    "LEVELS",
    "Delivery",
    "Level",
    "Message",
    "Notification",
    "Problem",
    "level_of",
    "notify",
    "open_notification",
]
