"""The journey of a ticket and of a rollout. Folder = stage; the conductors know the order.

Hot loop (``router.py``): ticket, triage, assign, handle, record.
Slow loop (``controller.py``): record, measure, judge, ladder, and a recorded Transition.
"""
