"""Parts of the page: rows in, widgets out. None of them computes a statistic."""
