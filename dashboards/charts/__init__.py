"""Rows to charts: pure functions without a page around them."""

from dashboards.charts.backtest import backtest
from dashboards.charts.confidence import cost_curve, reliability
from dashboards.charts.flow import containment, resolutions
from dashboards.charts.gate import forest
from dashboards.charts.headlines import by_category, cost, recontact, trend
from dashboards.charts.incidents import incidents
from dashboards.charts.knowledge import articles, gaps
from dashboards.charts.look import Picture, dressed, label, listed
from dashboards.charts.path import path
from dashboards.charts.plan import schedule, waits
from dashboards.charts.quality import changes, latency, mix, violations
from dashboards.charts.quality import cost as cost_per_day
from dashboards.charts.rollout import ladder, timeline
from dashboards.charts.shadow import agreement, confusion, served
from dashboards.charts.shares import shares, strips
from dashboards.charts.spending import spending
from dashboards.charts.story import story

__all__ = [
    "Picture",
    "agreement",
    "articles",
    "backtest",
    "by_category",
    "changes",
    "confusion",
    "containment",
    "cost",
    "cost_curve",
    "cost_per_day",
    "dressed",
    "forest",
    "gaps",
    "incidents",
    "label",
    "ladder",
    "latency",
    "listed",
    "mix",
    "path",
    "recontact",
    "reliability",
    "resolutions",
    "schedule",
    "served",
    "shares",
    "spending",
    "story",
    "strips",
    "timeline",
    "trend",
    "violations",
    "waits",
]
