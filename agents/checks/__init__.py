"""What stands between a draft and the customer: pure functions over text and numbers."""
