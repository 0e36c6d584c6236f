"""What a judge's word is worth, measured against people's.

``labels`` finds what people said, ``ask`` has the judge say it too, ``calibration`` compares, ``record``
writes ratings and calibrations down. No gate counts a judge's ratings: ``rollout.measure.comparisons``.
"""
