"""Pure statistics: sufficient statistics in, verdicts out. No I/O, no clock, no first-party import.

Map, in reading order:

``samples``      Comparison, OneSample, Companion: frozen sums, whoever counted them
``rows``         comparison_from_rows, one_sample_from_rows: numpy reference builders
``estimate``     estimate_difference, estimate_level -> Estimate (effect, variance, information)
``sequential``   log_evidence, boundary, lower_bound, upper_bound: the e-process on the information clock
``alternatives`` group_sequential_bound, fixed_bound: other ways to look, and what they give up
``verdict``      State, Reason, Question, Limit, Rules, Traffic, Circumstances, Verdict
``evidence``     weigh: estimate, margin and bounds of a comparison, one orientation
``judge``        judge_difference -> Verdict
``limits``       judge_limit, judge_band -> Verdict        ``rates``  exact anytime-valid bounds of a share
``goals``        judge_goal -> Verdict                     ``sentences``  verdicts in plain words
``power``        mde, needed_information, crossing_probability, wait_for: what data can show, and when
``schedule``     schedule (dates with assurance), feasibility (can it be decided, what would help)
``srm``          anytime-valid sample-ratio check
``integrity``    crossover, double assignment, eligibility
``control``      check_drift, check_contamination: what became of the control arm    ``cells``  hours
``survival``     Kaplan-Meier life tables
``nonresponse``  Lee bounds, response-rate guardrail
``multiplicity`` e-BH, shrinkage, category harm
``agreement``    kappa, AC1, alpha: two raters beyond chance     ``shares``  weighted, clustered shares
``calibration``  reliability curve, calibration error, Brier score of stated confidence
``thresholds``   escalation matrix, and what every escalation threshold would have cost
``proportions``  Wilson, Newcombe, mean intervals for reports
"""
