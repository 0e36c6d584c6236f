"""Rows to charts: pure functions without a page around them."""

from dashboards.charts.confidence import cost_curve, reliability
from dashboards.charts.gate import forest
from dashboards.charts.headlines import by_category, cost, recontact, trend
from dashboards.charts.look import Picture, dressed, label
from dashboards.charts.rollout import ladder, timeline
from dashboards.charts.shadow import agreement, confusion

__all__ = [
    "Picture",
    "agreement",
    "by_category",
    "confusion",
    "cost",
    "cost_curve",
    "dressed",
    "forest",
    "label",
    "ladder",
    "recontact",
    "reliability",
    "timeline",
    "trend",
]
