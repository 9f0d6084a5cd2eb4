"""Which students a request means: what lists, exports and everything else that takes "a filter of students" share."""
