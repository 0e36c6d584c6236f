"""Rows to charts: pure functions without a page around them."""

from dashboards.charts.confidence import cost_curve, reliability
from dashboards.charts.flow import containment, resolutions
from dashboards.charts.gate import forest
from dashboards.charts.headlines import by_category, cost, recontact, trend
from dashboards.charts.look import Picture, dressed, label, listed
from dashboards.charts.path import path
from dashboards.charts.plan import schedule, waits
from dashboards.charts.rollout import ladder, timeline
from dashboards.charts.shadow import agreement, confusion, served
from dashboards.charts.shares import shares, strips

__all__ = [
    "Picture",
    "agreement",
    "by_category",
    "confusion",
    "containment",
    "cost",
    "cost_curve",
    "dressed",
    "forest",
    "label",
    "ladder",
    "listed",
    "path",
    "recontact",
    "reliability",
    "resolutions",
    "schedule",
    "served",
    "shares",
    "strips",
    "timeline",
    "trend",
    "waits",
]
